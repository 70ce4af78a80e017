using Tmds.Linux;

namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>Numbers of errors as the names by which the scenarios call them.</summary>
internal static class Errno
{
    private static readonly Dictionary<int, string> Names = new()
    {
        [LibC.EPERM] = "EPERM",
        [LibC.ENOENT] = "ENOENT",
        [LibC.EIO] = "EIO",
        [LibC.ENXIO] = "ENXIO",
        [LibC.EBADF] = "EBADF",
        [LibC.EAGAIN] = "EAGAIN",
        [LibC.ENOMEM] = "ENOMEM",
        [LibC.EACCES] = "EACCES",
        [LibC.EBUSY] = "EBUSY",
        [LibC.EEXIST] = "EEXIST",
        [LibC.EXDEV] = "EXDEV",
        [LibC.ENODEV] = "ENODEV",
        [LibC.ENOTDIR] = "ENOTDIR",
        [LibC.EISDIR] = "EISDIR",
        [LibC.EINVAL] = "EINVAL",
        [LibC.ENFILE] = "ENFILE",
        [LibC.EMFILE] = "EMFILE",
        [LibC.ENOTTY] = "ENOTTY",
        [LibC.ETXTBSY] = "ETXTBSY",
        [LibC.EFBIG] = "EFBIG",
        [LibC.ENOSPC] = "ENOSPC",
        [LibC.ESPIPE] = "ESPIPE",
        [LibC.EROFS] = "EROFS",
        [LibC.EMLINK] = "EMLINK",
        [LibC.ERANGE] = "ERANGE",
        [LibC.ENAMETOOLONG] = "ENAMETOOLONG",
        [LibC.ENOSYS] = "ENOSYS",
        [LibC.ENOTEMPTY] = "ENOTEMPTY",
        [LibC.ELOOP] = "ELOOP",
        [LibC.ENODATA] = "ENODATA",
        [LibC.EOVERFLOW] = "EOVERFLOW",
        [LibC.EOPNOTSUPP] = "ENOTSUP",
        [LibC.ENOTCONN] = "ENOTCONN",
        [LibC.ESTALE] = "ESTALE",
        [LibC.EFAULT] = "EFAULT",
        [LibC.ENOTBLK] = "ENOTBLK",
        [LibC.EDQUOT] = "EDQUOT",
    };

    public static string NameOf(int number) => Names.TryGetValue(number, out var name) ? name : $"errno {number}";
}

/// <summary>An operation of a scenario that the file system refused.</summary>
/// <param name="error">The error's name.</param>
internal sealed class GuestException(string error) : Exception(error)
{
    public GuestException(int number)
        : this(Errno.NameOf(number))
    {
    }
}
