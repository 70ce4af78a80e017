using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Raw = ContainerKit.Linux.LibC;

namespace ContainerKit.Linux;

/// <summary>Terminals: their size, and the mode in which they pass every key on. ioctl_tty(2), termios(3)</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class TerminalCalls
{
    private const int GetSize = 0x5413, SetSize = 0x5414;
    private const int ChangeWhenWritten = 1;

    // inode(7); /dev/pts/ptmx has this number in every devpts.
    private const uint TypeMask = 0xF000, CharacterDevice = 0x2000, PtmxMajor = 5, PtmxMinor = 2;

    // struct termios has 60 bytes, of glibc and musl alike.
    private const int SettingsSize = 256;

    public static bool IsTerminal(SafeFileHandle file) => TryGetSettings(file) is not null;

    /// <summary>Whether this is the outer side of a pseudoterminal: pty(7).</summary>
    public static bool IsOuterSide(SafeFileHandle file) =>
        FileCalls.Local.Stat(file) is { DeviceMajor: PtmxMajor, DeviceMinor: PtmxMinor, RawMode: var mode } && (mode & TypeMask) == CharacterDevice;

    /// <summary>How large it is; null where it does not say.</summary>
    public static TerminalSize? SizeOf(SafeFileHandle terminal)
    {
        var size = default(WindowSize);
        return Control(terminal, GetSize, &size) == 0 && size is { Columns: > 0, Rows: > 0 } ? new TerminalSize(size.Columns, size.Rows) : null;
    }

    /// <summary>Changes its size, and tells the programs in its foreground by SIGWINCH. One that is closed is no error.</summary>
    public static void Resize(SafeFileHandle terminal, TerminalSize value)
    {
        var size = new WindowSize { Columns = (ushort)value.Columns, Rows = (ushort)value.Rows };
        LinuxException.ThrowIf(Control(terminal, SetSize, &size), $"resize a terminal");
    }

    /// <summary>Its settings, for <see cref="Set"/>; null where it is no terminal.</summary>
    public static byte[]? TryGetSettings(SafeFileHandle terminal)
    {
        var settings = new byte[SettingsSize];
        fixed (byte* bytes = settings)
        {
            return Raw.tcgetattr((int)terminal.DangerousGetHandle(), bytes) == 0 ? settings : null;
        }
    }

    /// <summary>The same settings, but that every byte passes as it is, and no key means anything.</summary>
    public static byte[] MakeRaw(byte[] settings)
    {
        byte[] raw = [.. settings];
        fixed (byte* bytes = raw)
        {
            Raw.cfmakeraw(bytes);
        }

        return raw;
    }

    /// <summary>Changes its settings, once what was written has left.</summary>
    /// <returns>An error number, or 0.</returns>
    public static int Set(SafeFileHandle terminal, byte[] settings)
    {
        fixed (byte* bytes = settings)
        {
            int errno;
            do
            {
                errno = Raw.tcsetattr((int)terminal.DangerousGetHandle(), ChangeWhenWritten, bytes) < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (errno == Errno.EINTR);
            return errno;
        }
    }

    /// <summary>Reads what is there.</summary>
    /// <returns>0 at the end, and where it has hung up.</returns>
    public static int Read(SafeFileHandle terminal, Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            long count;
            do
            {
                count = Tmds.Linux.LibC.read((int)terminal.DangerousGetHandle(), bytes, (Tmds.Linux.size_t)(ulong)buffer.Length);
            }
            while (count < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            return (int)Math.Max(count, 0);
        }
    }

    /// <summary>Writes some of it; null when there is no room, on a terminal that somebody has made non-blocking.</summary>
    /// <exception cref="LinuxException">It has hung up.</exception>
    public static int? TryWrite(SafeFileHandle terminal, ReadOnlySpan<byte> content)
    {
        fixed (byte* bytes = content)
        {
            long count;
            int errno;
            do
            {
                count = Tmds.Linux.LibC.write((int)terminal.DangerousGetHandle(), bytes, (Tmds.Linux.size_t)(ulong)content.Length);
                errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (errno == Errno.EINTR);
            LinuxException.ThrowIf(errno == Errno.EAGAIN ? 0 : errno, $"write to the terminal");
            return errno == 0 ? (int)count : null;
        }
    }

    private static int Control(SafeFileHandle terminal, ulong request, WindowSize* size)
    {
        var counted = false;
        try
        {
            terminal.DangerousAddRef(ref counted);
            return Raw.ioctl((int)terminal.DangerousGetHandle(), request, (nint)size) < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
        finally
        {
            if (counted)
            {
                terminal.DangerousRelease();
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows;
        public ushort Columns;
        public ushort Width;
        public ushort Height;
    }
}
