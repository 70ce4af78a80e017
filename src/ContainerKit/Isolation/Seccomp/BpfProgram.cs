using System.Buffers.Binary;

namespace ContainerKit.Isolation.Seccomp;

/// <summary>
/// A BPF program, written from its end to its beginning: jumps only go forward, so everything that a jump can reach has been
/// written before it. A label is where an instruction lies, counted from the end. linux/filter.h
/// </summary>
internal sealed class BpfProgram
{
    /// <summary>How many instructions the kernel takes (BPF_MAXINSNS).</summary>
    public const int MaxLength = 4096;

    private const int InstructionSize = 8;
    private const int LongestJump = 255;

    private readonly List<(BpfCode Code, byte WhenTrue, byte WhenFalse, uint Operand)> _reversed = [];
    private readonly Dictionary<uint, int> _returns = [];

    public int Length => _reversed.Count;

    /// <summary>Returns a value; one return near enough serves many jumps.</summary>
    public int Return(uint value)
    {
        // Room for a few instructions between here and the jump.
        if (_returns.TryGetValue(value, out var label) && Length - label < LongestJump - 8)
        {
            return label;
        }

        return _returns[value] = Append(BpfCode.Return, value);
    }

    /// <summary>Loads a word of <c>struct seccomp_data</c> and goes on at a label.</summary>
    public int Load(uint offset, int next)
    {
        GoTo(next);
        return Append(BpfCode.LoadWord, offset);
    }

    /// <summary>Keeps some bits of what was loaded and goes on at a label.</summary>
    public int And(uint mask, int next)
    {
        GoTo(next);
        return Append(BpfCode.And, mask);
    }

    /// <summary>Compares what was loaded with a number.</summary>
    public int Branch(BpfCode comparison, uint operand, int whenTrue, int whenFalse)
    {
        whenTrue = WithinReach(whenTrue);
        whenFalse = WithinReach(whenFalse);

        // The second detour may have pushed the first target out of reach.
        whenTrue = WithinReach(whenTrue);
        return Append(comparison, operand, (byte)Distance(whenTrue), (byte)Distance(whenFalse));
    }

    /// <summary>The program: <c>struct sock_filter</c> after <c>struct sock_filter</c>, in the byte order of the machines that this library knows.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Length * InstructionSize];
        for (var i = 0; i < Length; i++)
        {
            var (code, whenTrue, whenFalse, operand) = _reversed[^(i + 1)];
            var instruction = bytes.AsSpan(i * InstructionSize, InstructionSize);
            BinaryPrimitives.WriteUInt16LittleEndian(instruction, (ushort)code);
            instruction[2] = whenTrue;
            instruction[3] = whenFalse;
            BinaryPrimitives.WriteUInt32LittleEndian(instruction[4..], operand);
        }

        return bytes;
    }

    private int Distance(int label) => Length - label - 1;

    // One step of slack: the other branch's detour may come between.
    private int WithinReach(int label) => Distance(label) < LongestJump ? label : Append(BpfCode.Jump, (uint)Distance(label));

    private void GoTo(int label)
    {
        if (Distance(label) > 0)
        {
            Append(BpfCode.Jump, (uint)Distance(label));
        }
    }

    private int Append(BpfCode code, uint operand, byte whenTrue = 0, byte whenFalse = 0)
    {
        _reversed.Add((code, whenTrue, whenFalse, operand));
        return Length - 1;
    }
}

/// <summary>The instructions that filters are made of; these are among those that the kernel can run ahead of time for its cache of what is always allowed.</summary>
internal enum BpfCode : ushort
{
    LoadWord = 0x20,
    And = 0x54,
    Jump = 0x05,
    JumpIfEqual = 0x15,
    JumpIfGreater = 0x25,
    JumpIfGreaterOrEqual = 0x35,
    Return = 0x06,
}
