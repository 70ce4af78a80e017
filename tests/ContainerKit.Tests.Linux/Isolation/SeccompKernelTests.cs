using System.Runtime.InteropServices;
using ContainerKit.Isolation;
using ContainerKit.Isolation.Seccomp;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>The kernel's own opinion of a compiled filter. A filter binds the thread that installs it, so each test spends one.</summary>
public unsafe partial class SeccompKernelTests
{
    private const int PR_SET_NO_NEW_PRIVS = 38, PR_SET_SECCOMP = 22, SECCOMP_MODE_FILTER = 2;

    [Test]
    public void The_kernel_takes_the_default_filter_and_obeys_it()
    {
        Needs.That(RuntimeInformation.OSArchitecture == Architecture.X64, "the call numbers in it are those of x64");
        var filter = SeccompCompiler.Compile(SeccompProfile.Default, SeccompArchitectures.Native, CapabilitySet.DockerDefault, Environment.OSVersion.Version);

        var errors = UnderFilter(
            filter,
            () => Call(39),                     // getpid
            () => Call(250, 99),                // keyctl
            () => Call(470),                    // beyond what is known
            () => Call(435, 0, 0),              // clone3
            () => Call(56, 0x1000_0000),        // clone(CLONE_NEWUSER)
            () => Call(41, 38, 5),              // socket(AF_ALG)
            () => Call(0x4000_0000 + 39));      // getpid, the x32 way

        Assert.That(errors, Is.EqualTo(new[] { 0, 1, 38, 38, 1, 1, 38 }));
    }

    [Test]
    public void Arguments_are_compared_with_all_their_bits()
    {
        var profile = SeccompProfile.Parse("""
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
             {"name":"close","action":"SCMP_ACT_ERRNO","errnoRet":77,"args":[{"index":1,"value":4294967297,"op":"SCMP_CMP_GT"},{"index":2,"value":5,"op":"SCMP_CMP_NE"}]}]}
            """);
        var filter = SeccompCompiler.Compile(profile, SeccompArchitectures.Native, default, Environment.OSVersion.Version);
        var close = (int)SyscallTable.For(SeccompArchitectures.Native).Numbers["close"];

        var errors = UnderFilter(
            filter, () => Call(close, -1, 0x1_0000_0001, 0), () => Call(close, -1, 0x1_0000_0002, 0), () => Call(close, -1, 0x1_0000_0002, 5));

        Assert.That(errors, Is.EqualTo(new[] { 9, 77, 9 }));
    }

    private static List<int> UnderFilter(byte[] filter, params Func<int>[] calls)
    {
        var errors = new List<int>();
        nint installed = -1;
        var thread = new Thread(() =>
        {
            fixed (byte* code = filter)
            {
                var program = new SockFprog { Length = (ushort)(filter.Length / 8), Code = code };
                _ = Prctl(PR_SET_NO_NEW_PRIVS, 1, null);
                installed = Prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
            }

            errors.AddRange(calls.Select(c => c()));
        });
        thread.Start();
        thread.Join();

        Assert.That(installed, Is.EqualTo((nint)0));
        return errors;
    }

    private static nint Prctl(int option, nint argument, void* pointer) =>
        syscall((nint)SyscallTable.For(SeccompArchitectures.Native).Numbers["prctl"], option, argument, (nint)pointer);

    // 0, or the error number.
    private static int Call(int number, long first = 0, long second = 0, long third = 0) =>
        syscall(number, (nint)first, (nint)second, (nint)third) < 0 ? Marshal.GetLastPInvokeError() : 0;

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint first = 0, nint second = 0, nint third = 0, nint fourth = 0, nint fifth = 0, nint sixth = 0);

    [StructLayout(LayoutKind.Sequential)]
    private struct SockFprog
    {
        public ushort Length;
        public byte* Code;
    }
}
