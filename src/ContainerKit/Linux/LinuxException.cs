using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ContainerKit.Linux;

/// <summary>A system call said no. The message is a sentence; <see cref="Errno"/> is for the code that can do something about it.</summary>
internal sealed class LinuxException : IOException
{
    public LinuxException(int errno, string attempt)
        : base($"Cannot {attempt}: {Describe(errno)}.", errno)
    {
        Errno = errno;
    }

    /// <summary>The kernel's error number, one of <see cref="Errno"/>.</summary>
    public int Errno { get; }

    /// <summary>The error in libc's words, such as <c>No such file or directory</c>.</summary>
    public static string Describe(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    /// <summary>Throws unless <paramref name="errno"/> is 0. <paramref name="attempt"/> completes "Cannot …".</summary>
    public static void ThrowIf(int errno, [InterpolatedStringHandlerArgument(nameof(errno))] Attempt attempt)
    {
        if (errno != 0)
        {
            throw new LinuxException(errno, attempt.ToString());
        }
    }

    /// <summary>An interpolated sentence that is put together only when the call failed: these run on paths that must not allocate.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Attempt
    {
        private readonly StringBuilder? _text;

        public Attempt(int literalLength, int formattedCount, int errno, out bool isNeeded)
        {
            isNeeded = errno != 0;
            _text = isNeeded ? new StringBuilder(literalLength + (16 * formattedCount)) : null;
        }

        public void AppendLiteral(string text) => _text!.Append(text);

        public void AppendFormatted(FileName name) => _text!.Append(name.ToString());

        public void AppendFormatted(string? text) => _text!.Append(text);

        public void AppendFormatted<T>(T value) => _text!.Append(value);

        public override string ToString() => _text?.ToString() ?? "";
    }
}

/// <summary>The error numbers that this library tells apart; the same on every architecture that it runs on.</summary>
internal static class Errno
{
    public const int EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10, EAGAIN = 11,
        ENOMEM = 12, EACCES = 13, ENOTBLK = 15, EBUSY = 16, EEXIST = 17, EXDEV = 18, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, EMFILE = 24, ENOTTY = 25,
        ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, EROFS = 30, EMLINK = 31, EPIPE = 32, ERANGE = 34, ENAMETOOLONG = 36, ENOSYS = 38,
        ENOTEMPTY = 39, ELOOP = 40, ENODATA = 61, EOVERFLOW = 75, EOPNOTSUPP = 95, ENOTCONN = 107, ESTALE = 116, EDQUOT = 122;

    /// <summary>The name in the manual, for those errors that a mount is refused with; the number for others.</summary>
    public static string NameOf(int errno) => errno switch
    {
        EPERM => nameof(EPERM),
        ENOENT => nameof(ENOENT),
        EIO => nameof(EIO),
        EACCES => nameof(EACCES),
        EBUSY => nameof(EBUSY),
        EEXIST => nameof(EEXIST),
        ENODEV => nameof(ENODEV),
        ENOTDIR => nameof(ENOTDIR),
        EINVAL => nameof(EINVAL),
        ENOSPC => nameof(ENOSPC),
        EROFS => nameof(EROFS),
        ELOOP => nameof(ELOOP),
        ENOSYS => nameof(ENOSYS),
        EOPNOTSUPP => nameof(EOPNOTSUPP),
        _ => $"errno {errno}",
    };
}
