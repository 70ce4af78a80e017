namespace ContainerKit.Containers;

internal static class HostProbes
{
    public static HostReport Report(string root) => throw new NotImplementedException();
}
