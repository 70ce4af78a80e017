using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Storage.Fuse;

/// <summary>Reads the kernel's INIT, answers it, and tries whether what was promised is kept.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class FuseHandshake
{
    // The kernel asks as soon as it is mounted; a device that is not mounted answers EPERM.
    private const int MillisecondsToWait = 10_000;
    private const int BufferSize = FuseNegotiation.MaxWrite + FuseNegotiation.PageSize;

    /// <returns>The protocol's minor version, and why passthrough is not used (null when it is).</returns>
    public static (uint Minor, string? WhyNoPassthrough) Perform(FuseDevice device, FuseFileSystem files, FuseServerOptions options)
    {
        var isAsked = options.Passthrough != PassthroughMode.Off;
        var buffer = (byte*)NativeMemory.AlignedAlloc(BufferSize, FuseNegotiation.PageSize);
        FuseInitIn asked;
        FuseInitOut answer;
        try
        {
            Read(device, buffer);
            ref readonly var header = ref Unsafe.AsRef<FuseInHeader>(buffer);
            if (header.Opcode != FuseOpcode.Init)
            {
                throw new StorageException($"Cannot serve a file system: the kernel begins with {header.Opcode}, so another server has been there before.");
            }

            asked = Unsafe.Read<FuseInitIn>(buffer + sizeof(FuseInHeader));
            answer = FuseNegotiation.Answer(asked, files.OpensDirectories, isAsked, options.AllowsIdMapping);
            Write(device, header.Unique, answer);
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }

        var whyNot = FuseNegotiation.WhyNoPassthrough(asked, isAsked) ?? WhyRefused(device);
        return options.Passthrough != PassthroughMode.On || whyNot is null
            ? (answer.Minor, whyNot)
            : throw new StorageException($"Cannot mount with passthrough, which was demanded; it is {whyNot}.") { Hint = "passthrough=auto uses it where it is to be had." };
    }

    private static void Read(FuseDevice device, byte* buffer)
    {
        for (var waited = 0; ; waited += 5)
        {
            var errno = device.TryRead(buffer, BufferSize, out _);
            if (errno == 0)
            {
                return;
            }

            if (errno is not (Errno.EAGAIN or Errno.EINTR) || waited >= MillisecondsToWait)
            {
                throw new LinuxException(errno, "read the kernel's first request");
            }

            Thread.Sleep(5);
        }
    }

    private static void Write(FuseDevice device, ulong unique, in FuseInitOut answer)
    {
        var message = stackalloc byte[sizeof(FuseOutHeader) + sizeof(FuseInitOut)];
        var length = sizeof(FuseOutHeader) + sizeof(FuseInitOut);
        Unsafe.Write(message, new FuseOutHeader { Length = (uint)length, Unique = unique });
        Unsafe.Write(message + sizeof(FuseOutHeader), answer);
        LinuxException.ThrowIf(device.TryWrite(message, length), $"answer the kernel's first request");
    }

    // The kernel promises passthrough to everybody and then keeps it to some: a file in memory shows to whom.
    private static string? WhyRefused(FuseDevice device)
    {
        using var trial = MakeMemoryFile();
        var errno = device.TryOpenBacking(trial, out var backingId);
        if (errno == 0)
        {
            _ = device.TryCloseBacking(backingId);
        }

        return errno == 0 ? null : FuseNegotiation.Refused(errno);
    }

    private static SafeFileHandle MakeMemoryFile()
    {
        fixed (byte* name = "passthrough\0"u8)
        {
            var file = new SafeFileHandle(Tmds.Linux.LibC.memfd_create(name, Raw.MFD_CLOEXEC), ownsHandle: true);
            LinuxException.ThrowIf(file.IsInvalid ? Marshal.GetLastPInvokeError() : 0, $"make a file in memory");
            return file;
        }
    }
}
