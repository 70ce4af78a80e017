namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>
/// Matches the record's i1, i2 … with the numbers that are seen now: the same object must have the same one throughout, and
/// another object another.
/// </summary>
internal sealed class InodeNumbers
{
    private readonly Dictionary<string, (ulong Device, ulong Inode)> _bySymbol = [];
    private readonly Dictionary<(ulong Device, ulong Inode), string> _byNumber = [];

    /// <summary>The symbol that a number stands for; what the record has is taken at its word at the first sight of both.</summary>
    public string SymbolOf(ulong device, ulong inode, string? recorded)
    {
        var number = (device, inode);
        if (_byNumber.TryGetValue(number, out var symbol))
        {
            return symbol;
        }

        symbol = recorded is not null && !_bySymbol.ContainsKey(recorded) ? recorded : $"another inode ({inode})";
        _byNumber[number] = symbol;
        _bySymbol[symbol] = number;
        return symbol;
    }

    /// <summary>Forgets all: AUFS deals its numbers anew at each mount, in the order of access.</summary>
    public void Forget()
    {
        _bySymbol.Clear();
        _byNumber.Clear();
    }
}
