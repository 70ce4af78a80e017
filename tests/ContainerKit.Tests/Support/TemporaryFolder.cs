namespace ContainerKit.Tests.Support;

/// <summary>A directory that goes away with this object.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("containerkit-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content.ToArray());
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
