using System.Buffers.Binary;

namespace ContainerKit.Launch;

/// <summary>
/// The interpreter in arm64 machine code. x19 points to the current step (<see cref="StepLayout"/>), and is all the state there
/// is; no stack is used.
/// </summary>
internal static class Arm64Interpreter
{
    private const int Step = 19, Mask = 20, Scratch = 9, Record = 10;
    private const uint Equal = 0, Less = 11;

    public static byte[] Encode(uint firstStep, uint failureRecord)
    {
        var code = new Assembler();
        code.MoveImmediate(Step, firstStep);
        var loop = code.Here();
        code.LoadByte(Mask, Step, StepLayout.LoadMask);
        for (var i = 0; i < 6; i++)
        {
            code.Load64(i, Step, StepLayout.Arguments + (8 * i));
            code.SkipNextUnlessBit(Mask, i);
            code.Load64(i, i, 0);
        }

        code.LoadHalf(8, Step, StepLayout.Number);
        code.Emit(0xD4000001);                                  // svc #0
        code.Load32(Scratch, Step, StepLayout.Result);
        code.Store64(0, Scratch);
        code.Emit(0xF100001F);                                  // cmp x0, #0
        var error = code.BranchForward(Less);
        var zero = code.BranchForward(Equal);
        code.Load32(Step, Step, StepLayout.NextPositive);
        code.BranchBack(loop);
        code.Land(zero);
        var tolerated = code.Here();
        code.Load32(Step, Step, StepLayout.NextZero);
        code.BranchBack(loop);
        code.Land(error);
        code.Emit(0x4B0003E0);                                  // neg w0, w0
        for (var i = 0; i < StepLayout.ToleratedCount; i++)
        {
            code.LoadByte(Scratch, Step, StepLayout.Tolerated + i);
            code.Emit(0x6B00013F);                              // cmp w9, w0
            code.BranchBackWhenEqual(tolerated);
        }

        code.LoadHalf(Scratch, Step, StepLayout.Index);
        code.MoveImmediate(Record, failureRecord);
        code.Emit(0x29000149);                                  // stp w9, w0, [x10]
        code.Load32(Step, Step, StepLayout.NextError);
        code.BranchBack(loop);
        return code.ToArray();
    }

    /// <summary>Collects instructions (arm64 has them all 4 bytes long) and checks that offsets fit their fields.</summary>
    private sealed class Assembler
    {
        private readonly List<uint> _instructions = new(64);

        public int Here() => _instructions.Count;

        public void Emit(uint instruction) => _instructions.Add(instruction);

        public byte[] ToArray()
        {
            var bytes = new byte[4 * _instructions.Count];
            for (var i = 0; i < _instructions.Count; i++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), _instructions[i]);
            }

            return bytes;
        }

        // movz wN, #low; movk wN, #high, lsl #16
        public void MoveImmediate(int register, uint value)
        {
            Emit(0x52800000 | ((value & 0xFFFF) << 5) | (uint)register);
            Emit(0x72A00000 | ((value >> 16) << 5) | (uint)register);
        }

        public void LoadByte(int to, int from, int offset) => Emit(0x39400000 | Scaled(offset, 1) | Registers(to, from));

        public void LoadHalf(int to, int from, int offset) => Emit(0x79400000 | Scaled(offset, 2) | Registers(to, from));

        public void Load32(int to, int from, int offset) => Emit(0xB9400000 | Scaled(offset, 4) | Registers(to, from));

        public void Load64(int to, int from, int offset) => Emit(0xF9400000 | Scaled(offset, 8) | Registers(to, from));

        public void Store64(int value, int at) => Emit(0xF9000000 | Registers(value, at));

        // tbz wN, #bit, +8
        public void SkipNextUnlessBit(int register, int bit) => Emit(0x36000000 | ((uint)bit << 19) | (2 << 5) | (uint)register);

        public int BranchForward(uint condition)
        {
            Emit(0x54000000 | condition);
            return Here() - 1;
        }

        public void Land(int branch) => _instructions[branch] |= Words19(Here() - branch);

        public void BranchBackWhenEqual(int target) => Emit(0x54000000 | Words19(target - Here()) | Equal);

        public void BranchBack(int target) => Emit(0x14000000 | ((uint)(target - Here()) & 0x03FFFFFF));

        private static uint Words19(int distance) => distance is >= -(1 << 18) and < 1 << 18
            ? ((uint)distance & 0x7FFFF) << 5
            : throw new OverflowException("A branch does not reach its target.");

        private static uint Scaled(int offset, int size) => offset % size == 0 && offset / size < 4096
            ? (uint)(offset / size) << 10
            : throw new OverflowException("An offset does not fit its instruction.");

        private static uint Registers(int to, int from) => ((uint)from << 5) | (uint)to;
    }
}
