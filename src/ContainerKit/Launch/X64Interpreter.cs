using System.Buffers.Binary;

namespace ContainerKit.Launch;

/// <summary>
/// The interpreter in x64 machine code. rbx points to the current step (<see cref="StepLayout"/>), and is all the state there is;
/// no stack is used.
/// </summary>
internal static class X64Interpreter
{
    public static byte[] Encode(uint firstStep, uint failureRecord)
    {
        var code = new Assembler();
        code.Emit([0xBB], firstStep);                           // mov ebx, firstStep
        var loop = code.Here();
        code.Emit(0x0F, 0xB6, 0x6B, StepLayout.LoadMask);       // movzx ebp, byte [rbx+LoadMask]
        Argument(code, 0, [0x48, 0x8B, 0x7B], [0x48, 0x8B, 0x3F]);  // rdi
        Argument(code, 1, [0x48, 0x8B, 0x73], [0x48, 0x8B, 0x36]);  // rsi
        Argument(code, 2, [0x48, 0x8B, 0x53], [0x48, 0x8B, 0x12]);  // rdx
        Argument(code, 3, [0x4C, 0x8B, 0x53], [0x4D, 0x8B, 0x12]);  // r10
        Argument(code, 4, [0x4C, 0x8B, 0x43], [0x4D, 0x8B, 0x00]);  // r8
        Argument(code, 5, [0x4C, 0x8B, 0x4B], [0x4D, 0x8B, 0x09]);  // r9
        code.Emit(0x0F, 0xB7, 0x43, StepLayout.Number);         // movzx eax, word [rbx+Number]
        code.Emit(0x0F, 0x05);                                  // syscall
        code.Emit(0x8B, 0x4B, StepLayout.Result);               // mov ecx, [rbx+Result]
        code.Emit(0x48, 0x89, 0x01);                            // mov [rcx], rax
        code.Emit(0x48, 0x85, 0xC0);                            // test rax, rax
        var error = code.JumpForward(0x78);                     // js error
        var zero = code.JumpForward(0x74);                      // jz zero
        code.Emit(0x8B, 0x5B, StepLayout.NextPositive);         // mov ebx, [rbx+NextPositive]
        code.JumpBack(loop);
        code.Land(zero);
        var tolerated = code.Here();
        code.Emit(0x8B, 0x5B, StepLayout.NextZero);             // mov ebx, [rbx+NextZero]
        code.JumpBack(loop);
        code.Land(error);
        code.Emit(0xF7, 0xD8);                                  // neg eax
        for (byte i = 0; i < StepLayout.ToleratedCount; i++)
        {
            code.Emit(0x3A, 0x43, (byte)(StepLayout.Tolerated + i)); // cmp al, [rbx+Tolerated+i]
            code.JumpBackShort(0x74, tolerated);                // je zero
        }

        code.Emit(0x0F, 0xB7, 0x4B, StepLayout.Index);          // movzx ecx, word [rbx+Index]
        code.Emit([0x89, 0x0C, 0x25], failureRecord);           // mov [failureRecord], ecx
        code.Emit([0x89, 0x04, 0x25], failureRecord + 4);       // mov [failureRecord+4], eax
        code.Emit(0x8B, 0x5B, StepLayout.NextError);            // mov ebx, [rbx+NextError]
        code.JumpBack(loop);
        return code.ToArray();
    }

    // Loads one argument, and what it points to when its bit in the mask is set.
    private static void Argument(Assembler code, int index, ReadOnlySpan<byte> load, ReadOnlySpan<byte> follow)
    {
        code.Emit(load);
        code.Emit((byte)(StepLayout.Arguments + (8 * index)));
        code.Emit(0x40, 0xF6, 0xC5, (byte)(1 << index));        // test bpl, 1 << index
        var skip = code.JumpForward(0x74);                      // jz skip
        code.Emit(follow);
        code.Land(skip);
    }

    /// <summary>Collects bytes and checks every jump: one that does not fit its byte would wrap, and go somewhere else.</summary>
    internal sealed class Assembler
    {
        private readonly List<byte> _bytes = new(192);

        public int Here() => _bytes.Count;

        public byte[] ToArray() => [.. _bytes];

        public void Emit(params ReadOnlySpan<byte> bytes)
        {
            foreach (var each in bytes)
            {
                _bytes.Add(each);
            }
        }

        public void Emit(ReadOnlySpan<byte> opcode, uint immediate)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, immediate);
            Emit(opcode);
            Emit(bytes);
        }

        /// <summary>A short jump to a place that <see cref="Land"/> tells later.</summary>
        public int JumpForward(byte opcode)
        {
            Emit(opcode, 0);
            return Here();
        }

        public void Land(int jump) => _bytes[jump - 1] = (byte)checked((sbyte)(Here() - jump));

        public void JumpBackShort(byte opcode, int target) => Emit(opcode, (byte)checked((sbyte)(target - (Here() + 2))));

        public void JumpBack(int target) => Emit([0xE9], unchecked((uint)(target - (Here() + 5))));
    }
}
