using System.Diagnostics;
using ContainerKit.Tests.Linux.Samples;

namespace ContainerKit.Tests.Linux.Support;

/// <summary>
/// A machine of its own under software emulation: Debian's kernel, and in memory busybox, the native ckit and a script, which is all that runs there.
/// </summary>
/// <remarks>
/// <c>tests/run</c> fetches the kernel without installing it, and names the place in CONTAINERKIT_KERNEL: <c>boot/vmlinuz-…</c> and <c>lib/modules</c> below it.
/// What the script writes comes by the second serial port, so that the kernel's own words are never in between.
/// </remarks>
internal static class VirtualMachine
{
    private const int MemoryMebibytes = 1024, Processors = 2, PlacesForProcessors = 4;

    private const string MakeRoot = """
        root=$1 ckit=$2 kernel=$3 script=$4
        mkdir -p "$root"/bin "$root"/dev "$root"/etc "$root"/modules "$root"/new
        cp "$(command -v busybox)" "$root/bin/busybox"
        cp "$ckit" "$root/bin/ckit"
        { ldd "$ckit"; ldconfig -p | grep -E 'lib(ssl|crypto)[.]so'; } | grep -o '/[^ ]*' | while read -r library; do
            mkdir -p "$root$(dirname "$library")"
            cp -L "$library" "$root$library"
        done
        find "$kernel/lib/modules" '(' -name 'overlay.ko*' -o -name 'loop.ko*' ')' -exec cp {} "$root/modules" \;
        for module in "$root"/modules/*.xz; do [ ! -e "$module" ] || xz -d "$module"; done
        cp "$script" "$root/script"
        cat > "$root/init" <<'INIT'
        #!/bin/busybox sh
        # The kernel exchanges every root but the first one of all, so everything moves on to a second.
        /bin/busybox mount -t tmpfs -o mode=755 none /new
        /bin/busybox cp -a /bin /dev /etc /lib* /modules /script /new
        exec /bin/busybox switch_root /new /bin/busybox sh /script
        INIT
        chmod 755 "$root/init"
        cd "$root"
        find . | busybox cpio -o -H newc > "$root.cpio"
        """;

    /// <summary>Boots, and runs a script to its end.</summary>
    /// <param name="script">The path of the script.</param>
    /// <param name="patience">How long it may take.</param>
    /// <returns>What it wrote.</returns>
    public static async Task<string> RunAsync(string script, TimeSpan patience)
    {
        Needs.Programs("qemu-system-x86_64", "busybox", "ldd", "ldconfig", "xz");
        var kernel = Environment.GetEnvironmentVariable("CONTAINERKIT_KERNEL") ?? "";
        Needs.That(kernel.Length > 0, "CONTAINERKIT_KERNEL names no directory with a kernel for a virtual machine");
        var ckit = SamplePrograms.PathOf("ckit");
        Needs.That(!File.Exists(ckit + ".dll"), "the virtual machine has no .NET, and this ckit is not a native program");

        using var directory = new TemporaryDirectory();
        Shell.Script(MakeRoot, directory["root"], ckit, kernel, script);
        var image = Directory.EnumerateFiles(Path.Combine(kernel, "boot"), "vmlinuz-*").Single();
        string[] arguments =
        [
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", $"{Processors},maxcpus={PlacesForProcessors}", "-m", $"{MemoryMebibytes}", "-no-reboot", "-display", "none", "-nodefaults",
            "-kernel", image, "-initrd", directory["root.cpio"], "-append", "console=ttyS0 panic=-1 loglevel=4",
            "-serial", $"file:{directory["console"]}", "-serial", $"file:{directory["output"]}",
        ];
        using var machine = Process.Start(HostPath.Find("qemu-system-x86_64")!, arguments);
        using var patient = new CancellationTokenSource(patience);
        try
        {
            await machine.WaitForExitAsync(patient.Token);
        }
        catch (OperationCanceledException)
        {
            machine.Kill();
            await machine.WaitForExitAsync(CancellationToken.None);
        }

        var output = Read("output");
        TestContext.Out.WriteLine(output);
        TestContext.Out.WriteLine(Read("console"));
        Assert.That(output, Does.EndWith("== end\n"), "The script did not come to its end.");
        return output;

        // A terminal writes a carriage return before each line feed.
        string Read(string name) => File.Exists(directory[name]) ? File.ReadAllText(directory[name]).Replace("\r", "", StringComparison.Ordinal) : "";
    }
}
