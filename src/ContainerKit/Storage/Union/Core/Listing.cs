namespace ContainerKit.Storage.Union.Core;

/// <summary>
/// The names of a directory in the order in which they are told, each with a cursor that means the same as long as anybody reads:
/// names are only ever added, and one that is gone is passed over.
/// </summary>
/// <param name="number">Which listing of all; never 0.</param>
/// <param name="names">The names.</param>
internal sealed class Listing(ulong number, List<byte[]> names)
{
    /// <summary>The cursor before the first name.</summary>
    public ulong Start { get; } = number << 32;

    /// <summary>Whether the directory has changed since.</summary>
    public bool IsStale { get; set; }

    public bool Has(ulong cursor) => cursor >> 32 == number;

    /// <summary>The name behind a cursor, if that is not the last.</summary>
    public byte[]? After(ulong cursor)
    {
        var index = cursor & uint.MaxValue;
        return index < (ulong)names.Count ? names[(int)index] : null;
    }

    /// <summary>Adds a name that was just made: whoever is still reading comes to it.</summary>
    public void Add(byte[] name)
    {
        IsStale = true;
        names.Add(name);
    }
}
