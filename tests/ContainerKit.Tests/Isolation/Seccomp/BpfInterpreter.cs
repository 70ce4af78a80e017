using System.Buffers.Binary;

namespace ContainerKit.Tests.Isolation.Seccomp;

/// <summary>Runs a filter as the kernel does, and checks what the kernel's verifier checks.</summary>
internal static class BpfInterpreter
{
    public static uint Run(byte[] program, uint architecture, uint number, params ulong[] arguments)
    {
        var data = new byte[64];
        BinaryPrimitives.WriteUInt32LittleEndian(data, number);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), architecture);
        for (var i = 0; i < arguments.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(16 + (8 * i)), arguments[i]);
        }

        uint accumulator = 0;
        for (var pc = 0; ; pc++)
        {
            var instruction = program.AsSpan(pc * 8, 8);
            var operand = BinaryPrimitives.ReadUInt32LittleEndian(instruction[4..]);
            switch (BinaryPrimitives.ReadUInt16LittleEndian(instruction))
            {
                case 0x20 when operand <= 60 && operand % 4 == 0:
                    accumulator = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)operand));
                    break;
                case 0x54:
                    accumulator &= operand;
                    break;
                case 0x05:
                    pc += (int)operand;
                    break;
                case 0x15:
                    pc += accumulator == operand ? instruction[2] : instruction[3];
                    break;
                case 0x25:
                    pc += accumulator > operand ? instruction[2] : instruction[3];
                    break;
                case 0x35:
                    pc += accumulator >= operand ? instruction[2] : instruction[3];
                    break;
                case 0x06:
                    return operand;
                default:
                    throw new InvalidOperationException($"instruction {pc} is not one that a filter may have");
            }
        }
    }
}
