namespace ContainerKit.Content;

/// <summary>Gives the bytes behind a descriptor. They are not to be trusted: whoever takes them verifies them.</summary>
internal interface IBlobSource
{
    /// <summary>Opens a blob for reading from its beginning.</summary>
    /// <exception cref="ImageException">The source has no such blob.</exception>
    Stream OpenBlob(Descriptor blob);
}
