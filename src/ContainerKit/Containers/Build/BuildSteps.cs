namespace ContainerKit.Containers.Build;

/// <summary>Adds programs of the host with all that they need to start.</summary>
internal sealed class AddHostProgramsStep(IReadOnlyList<string> programs) : FilesStep
{
    public override string Description => $"AddHostProgram {string.Join(' ', programs)}";

    public override void WriteTo(LayerBuilder layer, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw LinuxOnly.Refusal("Programs of the host become an image's");
        }

        var closure = new HostPrograms();
        foreach (var program in programs)
        {
            closure.Add(program);
        }

        foreach (var found in closure.Found)
        {
            cancellationToken.ThrowIfCancellationRequested();
            layer.AddFromHost(found.Path, found.Path, cancellationToken);
        }
    }
}

/// <summary>Adds one file whose content is in memory.</summary>
internal sealed class AddFileStep(string path, ReadOnlyMemory<byte> content, int mode) : FilesStep
{
    public override string Description => $"AddFile {path}";

    public override void WriteTo(LayerBuilder layer, CancellationToken cancellationToken) => layer.AddFile(path, content, mode, cancellationToken);
}

/// <summary>Adds an empty directory.</summary>
internal sealed class AddEmptyDirectoryStep(string path, int mode) : FilesStep
{
    public override string Description => $"AddDirectory {path}";

    public override void WriteTo(LayerBuilder layer, CancellationToken cancellationToken) => layer.AddDirectory(path, mode, cancellationToken);
}

/// <summary>Adds a directory of the host with everything below it.</summary>
internal sealed class AddDirectoryStep(string hostDirectory, string path) : FilesStep
{
    public override string Description => $"AddDirectory {path}";

    public override void WriteTo(LayerBuilder layer, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(hostDirectory))
        {
            throw new ImageException($"Cannot add the directory '{hostDirectory}' to the image: there is no such directory.");
        }

        layer.AddTree(hostDirectory, path, cancellationToken);
    }
}
