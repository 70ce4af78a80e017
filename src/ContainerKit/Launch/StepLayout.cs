using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ContainerKit.Launch;

/// <summary>
/// A step as the interpreter reads it: a header of 24 bytes and 8 for each argument. All addresses are below 4 GiB, so 32 bits hold them.
/// </summary>
/// <remarks>
/// The interpreter always loads six arguments. Those that a call does not have are whatever comes next in memory, and the kernel
/// does not look at them.
/// </remarks>
internal static class StepLayout
{
    public const byte Number = 0, LoadMask = 2, Tolerated = 3, Index = 6, NextPositive = 8, NextZero = 12, NextError = 16, Result = 20, Arguments = 24;
    public const int ToleratedCount = 3;
    public const int MostArguments = 6;

    public static int SizeOf(LaunchStep step) => Arguments + (8 * step.Arguments.Count);

    public static void Write(Span<byte> to, LaunchStep step, Architecture architecture, uint nextPositive, uint nextZero, uint nextError, uint result)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to[Number..], SystemCallNumbers.Of(step.Call, architecture));
        step.Tolerated.CopyTo(to[Tolerated..]);
        BinaryPrimitives.WriteUInt16LittleEndian(to[Index..], checked((ushort)step.Index));
        BinaryPrimitives.WriteUInt32LittleEndian(to[NextPositive..], nextPositive);
        BinaryPrimitives.WriteUInt32LittleEndian(to[NextZero..], nextZero);
        BinaryPrimitives.WriteUInt32LittleEndian(to[NextError..], nextError);
        BinaryPrimitives.WriteUInt32LittleEndian(to[Result..], result);
        byte mask = 0;
        for (var i = 0; i < step.Arguments.Count; i++)
        {
            var argument = step.Arguments[i];
            mask |= argument.IsLoaded ? (byte)(1 << i) : (byte)0;
            BinaryPrimitives.WriteInt64LittleEndian(to[(Arguments + (8 * i))..], argument.Data is { } data ? data.Address + argument.Value : argument.Value);
        }

        to[LoadMask] = mask;
    }
}
