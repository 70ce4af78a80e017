using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ContainerKit.Launch;

/// <summary>
/// Writes a launch program as an executable: a static ELF file of two segments, the interpreter (read, execute) and the steps with
/// their data (read, write), at fixed addresses. elf(5)
/// </summary>
/// <remarks>
/// Both segments lie one behind the other in the file, and the page that they share is mapped twice; so the file has no holes, and
/// writing it is most of what a launch costs on this side.
/// </remarks>
internal static class ElfImage
{
    // The largest page size of the architectures that we write for: each segment begins in a page of its own.
    private const uint Page = 0x10000;
    private const uint Base = 0x400000;
    private const int HeaderSize = 64, ProgramHeaderSize = 56, ProgramHeaders = 3;

    public static byte[] Write(LaunchProgram program, Architecture architecture)
    {
        const int codeStart = HeaderSize + (ProgramHeaders * ProgramHeaderSize);
        var steps = program.Steps;

        // The length of the code does not depend on the addresses in it.
        var dataStart = Align(codeStart + Encode(architecture, 0, 0).Length);
        var position = Base + Page + (uint)dataStart;
        var trash = position;
        position += 8;
        Place(program.FailureRecord);

        var addresses = new uint[steps.Count + 1];
        for (var i = 0; i < steps.Count; i++)
        {
            addresses[i] = steps[i].Address = position;
            position += (uint)StepLayout.SizeOf(steps[i]);
        }

        foreach (var data in program.Data)
        {
            Place(data);
        }

        foreach (var step in steps)
        {
            if (step.OwnsResult)
            {
                Place(step.Result);
            }
        }

        // What the interpreter loads beyond the last step must be memory, too.
        var memoryEnd = position + (8 * StepLayout.MostArguments);
        var image = new byte[position - (Base + Page)];
        WriteHeaders(image, architecture, codeStart, (uint)dataStart, memoryEnd);
        Encode(architecture, addresses[0], program.FailureRecord.Address).CopyTo(image, codeStart);
        foreach (var step in steps)
        {
            var next = addresses[step.Index + 1];
            StepLayout.Write(
                At(addresses[step.Index]),
                step,
                architecture,
                AddressOf(step.WhenPositive, next),
                AddressOf(step.WhenZero, next),
                AddressOf(step.WhenFailed ?? program.Failure, 0),
                step.KeepsResult ? step.Result.Address + (uint)step.ResultOffset : trash);
        }

        foreach (var data in program.Data)
        {
            Copy(data);
        }

        return image;

        Span<byte> At(uint address) => image.AsSpan((int)(address - (Base + Page)));

        void Place(LaunchData data)
        {
            data.Address = position;
            position = (uint)Align((int)position + data.Content.Length);
        }

        void Copy(LaunchData data)
        {
            var to = At(data.Address);
            data.Content.CopyTo(to);
            foreach (var (offset, target, targetOffset) in data.Pointers)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(to[offset..], target.Address + (uint)targetOffset);
            }
        }

        uint AddressOf(LaunchLabel? label, uint next) => label switch
        {
            null => next,
            { Data: { } data } => data.Address,
            _ when label == LaunchLabel.Nowhere => 0,
            { Index: < 0 } => throw new InvalidOperationException("A launch program refers to a label that was never placed."),
            _ => addresses[label.Index],
        };
    }

    private static byte[] Encode(Architecture architecture, uint firstStep, uint failureRecord) => architecture switch
    {
        Architecture.X64 => X64Interpreter.Encode(firstStep, failureRecord),
        Architecture.Arm64 => Arm64Interpreter.Encode(firstStep, failureRecord),
        _ => throw new PlatformNotSupportedException($"Launch programs are written for x64 and arm64 only, not for {architecture}."),
    };

    private static void WriteHeaders(Span<byte> image, Architecture architecture, int codeStart, uint dataStart, uint memoryEnd)
    {
        const ushort executable = 2, x64 = 62, arm64 = 183;
        const uint load = 1, stack = 0x6474E551, execute = 1, write = 2, read = 4;
        ReadOnlySpan<byte> identity = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0];
        identity.CopyTo(image);
        BinaryPrimitives.WriteUInt16LittleEndian(image[16..], executable);
        BinaryPrimitives.WriteUInt16LittleEndian(image[18..], architecture == Architecture.X64 ? x64 : arm64);
        BinaryPrimitives.WriteUInt32LittleEndian(image[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(image[24..], Base + (uint)codeStart);
        BinaryPrimitives.WriteUInt64LittleEndian(image[32..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(image[52..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(image[54..], ProgramHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(image[56..], ProgramHeaders);
        BinaryPrimitives.WriteUInt16LittleEndian(image[58..], HeaderSize);

        var dataAddress = Base + Page + dataStart;
        Segment(image[HeaderSize..], load, read | execute, 0, Base, dataStart, dataStart);
        Segment(image[(HeaderSize + ProgramHeaderSize)..], load, read | write, dataStart, dataAddress, (uint)image.Length - dataStart, memoryEnd - dataAddress);

        // Without this header the kernel would make the stack executable, as for programs of the last century.
        Segment(image[(HeaderSize + (2 * ProgramHeaderSize))..], stack, read | write, 0, 0, 0, 0);
    }

    private static void Segment(Span<byte> header, uint type, uint flags, uint offset, uint address, uint fileSize, uint memorySize)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], fileSize);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], memorySize);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], Page);
    }

    private static int Align(int value) => (value + 7) & ~7;
}
