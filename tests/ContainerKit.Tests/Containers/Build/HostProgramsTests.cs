using ContainerKit.Containers.Build;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Containers.Build;

public sealed class HostProgramsTests
{
    [Test]
    public void The_loaders_list_is_read_line_by_line()
    {
        const string answer = """
            	linux-vdso.so.1 (0x00007ffd)
            	libtinfo.so.6 => /lib/x86_64-linux-gnu/libtinfo.so.6 (0x00007f)
            	libc.so.6 => /a dir/libc.so.6 (0x00007f)
            	/lib64/ld-linux-x86-64.so.2 (0x00007f)
            """;

        Assert.That(HostPrograms.ParseList(answer), Is.EqualTo(new[] { "/lib/x86_64-linux-gnu/libtinfo.so.6", "/a dir/libc.so.6", "/lib64/ld-linux-x86-64.so.2" }));
    }

    [Test]
    public void A_missing_library_is_named()
    {
        Assert.That(() => HostPrograms.ParseList("\tlibnone.so.1 => not found\n"), Throws.TypeOf<ImageException>().With.Message.Contains("libnone.so.1"));
    }

    [Test]
    public void A_script_names_its_interpreter()
    {
        using var script = new MemoryStream("#! /usr/bin/env python3\n"u8.ToArray());

        Assert.That(ElfInterpreter.Read(script), Is.EqualTo("/usr/bin/env"));
    }

    [Test]
    public void A_head_of_noise_is_an_error_and_nothing_else()
    {
        var random = new Random(3);
        for (var round = 0; round < 5_000; round++)
        {
            var bytes = new byte[random.Next(0, 300)];
            random.NextBytes(bytes);
            "\u007fELF\u0002\u0001"u8[..Math.Min(6, bytes.Length)].CopyTo(bytes);
            using var stream = new MemoryStream(bytes);

            Tolerate.Only<InvalidDataException>(() => ElfInterpreter.Read(stream));
        }
    }
}
