namespace ContainerKit;

/// <summary>Whether the kernel reads and writes the files of branches itself, once they are open.</summary>
public enum PassthroughMode
{
    /// <summary>Where the kernel allows it.</summary>
    Auto,

    /// <summary>Always: where the kernel does not allow it, there is no mount.</summary>
    On,

    /// <summary>Never: every descriptor of a file sees what is written through any other, whichever branch it was opened on.</summary>
    Off,
}
