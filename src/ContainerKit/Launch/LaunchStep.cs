namespace ContainerKit.Launch;

/// <summary>
/// One system call of a launch program: what it is for, in words, and where the program goes on. Its three ways on (a positive
/// result, zero, an error) are all the control flow that there is.
/// </summary>
internal sealed class LaunchStep(int index, string words, SystemCall call, Operand[] arguments)
{
    private LaunchData? _result;
    private readonly byte[] _tolerated = new byte[3];
    private int _toleratedCount;
    private bool _isStoredElsewhere;

    public int Index { get; } = index;

    /// <summary>What it does, as a message says it after "Cannot".</summary>
    public string Words { get; } = words;

    public SystemCall Call { get; set; } = call;

    public IReadOnlyList<Operand> Arguments { get; } = arguments;

    /// <summary>Where the result goes. Asking for it makes the room.</summary>
    public LaunchData Result => _result ??= new LaunchData(new byte[8], $"result#{Index}");

    public int ResultOffset { get; private set; }

    /// <summary>Where the image has put it.</summary>
    public uint Address { get; set; }

    public bool KeepsResult => _result is not null;

    /// <summary>Whether the room for the result is its own, and not a part of other data.</summary>
    public bool OwnsResult => _result is not null && !_isStoredElsewhere;

    /// <summary>Error numbers that count as a result of zero.</summary>
    public ReadOnlySpan<byte> Tolerated => _tolerated;

    /// <summary>Where to go on; null is the step after this one.</summary>
    public LaunchLabel? WhenPositive { get; private set; }

    /// <inheritdoc cref="WhenPositive"/>
    public LaunchLabel? WhenZero { get; private set; }

    /// <summary>Where to go on after an error that is not tolerated; null ends the program with a report.</summary>
    public LaunchLabel? WhenFailed { get; private set; }

    public LaunchStep Tolerating(params ReadOnlySpan<int> errnos)
    {
        foreach (var errno in errnos)
        {
            _tolerated[_toleratedCount++] = checked((byte)errno);
        }

        return this;
    }

    public LaunchStep OnPositive(LaunchLabel label)
    {
        WhenPositive = label;
        return this;
    }

    public LaunchStep OnZero(LaunchLabel label)
    {
        WhenZero = label;
        return this;
    }

    public LaunchStep OnError(LaunchLabel label)
    {
        WhenFailed = label;
        return this;
    }

    /// <summary>Goes on at the same place whatever happens, errors included.</summary>
    public LaunchStep Then(LaunchLabel label)
    {
        WhenPositive = WhenZero = WhenFailed = label;
        return this;
    }

    /// <summary>Goes on at the same place unless it fails.</summary>
    public LaunchStep OnSuccess(LaunchLabel label)
    {
        WhenPositive = WhenZero = label;
        return this;
    }

    /// <summary>Puts the result (8 bytes) into a structure, where a later call will find it.</summary>
    public LaunchStep StoringInto(LaunchData data, int offset)
    {
        _result = data;
        ResultOffset = offset;
        _isStoredElsewhere = true;
        return this;
    }
}

/// <summary>A place in a launch program that steps go on at.</summary>
internal sealed class LaunchLabel
{
    /// <summary>Where nothing is: the program ends there by a fault, at once and for certain.</summary>
    public static LaunchLabel Nowhere { get; } = new() { Index = int.MaxValue };

    /// <summary>The index of the step that it stands before; negative while it is not placed.</summary>
    public int Index { get; set; } = -1;

    /// <summary>Data that steps will have been written to by the time that the program gets there.</summary>
    public LaunchData? Data { get; private init; }

    /// <summary>A place among the data, for steps that arrive at run time.</summary>
    public static LaunchLabel At(LaunchData data) => new() { Data = data };

    public override string ToString() => this == Nowhere ? "nowhere" : Data?.ToString() ?? $"#{Index}";
}
