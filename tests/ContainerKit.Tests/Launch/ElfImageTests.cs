using System.Runtime.InteropServices;
using ContainerKit.Launch;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Launch;

public class ElfImageTests
{
    private const uint Execute = 1, Write = 2;

    [TestCase(Architecture.X64, 62)]
    [TestCase(Architecture.Arm64, 183)]
    public void The_header_says_what_machine_it_is_for(Architecture architecture, int machine)
    {
        var image = ElfImage.Write(Program(), architecture);

        Assert.That(image[..8], Is.EqualTo(new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0 }));
        Assert.That((BitConverter.ToUInt16(image, 16), BitConverter.ToUInt16(image, 18)), Is.EqualTo(((ushort)2, (ushort)machine)));
    }

    [Test]
    public void No_memory_can_be_both_written_and_executed([Values(Architecture.X64, Architecture.Arm64)] Architecture architecture)
    {
        var image = ElfImage.Write(Program(), architecture);

        var flags = Enumerable.Range(0, BitConverter.ToUInt16(image, 56)).Select(i => BitConverter.ToUInt32(image, 64 + (56 * i) + 4)).ToList();

        Assert.That(flags, Has.Count.EqualTo(3).And.One.Matches<uint>(flag => (flag & Execute) != 0));
        Assert.That(flags, Has.None.Matches<uint>(flag => (flag & (Write | Execute)) == (Write | Execute)));
    }

    [TestCase(Architecture.X64, "x64")]
    [TestCase(Architecture.Arm64, "arm64")]
    public void The_machine_code_changes_only_on_purpose(Architecture architecture, string name)
    {
        var code = architecture == Architecture.X64 ? X64Interpreter.Encode(0x41_0178, 0x41_0180) : Arm64Interpreter.Encode(0x41_0178, 0x41_0180);

        Approved.Check("tests/ContainerKit.Tests/Launch", $"interpreter.{name}", string.Concat(code.Chunk(16).Select(bytes => Convert.ToHexStringLower(bytes) + "\n")));
    }

    [Test]
    public void A_jump_too_far_for_its_byte_is_an_error_and_not_a_jump_elsewhere()
    {
        var code = new X64Interpreter.Assembler();
        var jump = code.JumpForward(0x74);
        code.Emit(new byte[127]);
        code.Land(jump);
        code.Emit(0x90);

        Assert.That(() => code.Land(jump), Throws.TypeOf<OverflowException>());
        Assert.That(() => code.JumpBackShort(0x74, 0), Throws.TypeOf<OverflowException>());
    }

    [Test]
    public void A_label_that_was_never_placed_is_an_error()
    {
        var program = Program();
        program.Call("go astray", SystemCall.getppid).OnZero(new LaunchLabel());

        Assert.That(() => ElfImage.Write(program, Architecture.X64), Throws.InvalidOperationException);
    }

    [Test]
    public void Other_machines_are_refused()
    {
        Assert.That(() => ElfImage.Write(Program(), Architecture.X86), Throws.TypeOf<PlatformNotSupportedException>());
    }

    private static LaunchProgram Program()
    {
        var program = new LaunchProgram();
        program.Mark(program.Failure);
        program.Call("end", SystemCall.exit_group, 0).Then(LaunchLabel.Nowhere);
        return program;
    }
}
