namespace ContainerKit.Tests.Support;

/// <summary>For fuzzing: noise may be refused in one way, and in no other.</summary>
internal static class Tolerate
{
    /// <summary>Runs something that may throw <typeparamref name="TRefusal"/>; anything else that it throws fails the test.</summary>
    public static void Only<TRefusal>(Action action)
        where TRefusal : Exception
    {
        try
        {
            action();
        }
        catch (TRefusal)
        {
            return;
        }
    }
}
