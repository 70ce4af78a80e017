namespace ContainerKit;

/// <summary>Whether the kernel reads and writes the files of branches itself, once they are open.</summary>
public enum PassthroughMode
{
    /// <summary>
    /// Where the kernel allows it, files of the writable branch. Those of other branches are read by the server, and then cached, until they are copied up, so that
    /// a descriptor from before sees, locks and watches the same file as those that come after.
    /// </summary>
    Auto,

    /// <summary>
    /// All files: where the kernel does not allow it, there is no mount. As on overlayfs, a descriptor from before a copy-up goes on showing the lower file;
    /// unlike there, locks and watches on it are not seen by those who open the file afterwards.
    /// </summary>
    On,

    /// <summary>Never: every descriptor of a file sees what is written through any other, whichever branch it was opened on.</summary>
    Off,
}
