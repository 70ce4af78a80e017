using static ContainerKit.Isolation.KernelFlags;

namespace ContainerKit.Isolation;

/// <summary>
/// The options of a <see cref="Mount"/>, sorted: those that belong to the mount, those that belong to its propagation, and the rest,
/// which are the file system's own. mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS"
/// </summary>
internal sealed record MountOptions(ulong Set, ulong Clear, ulong Propagation, bool IsRecursive, IReadOnlyList<(string Key, string? Value)> OfFileSystem)
{
    /// <summary>Whether its files are shown with the ids that those of the container's user namespace stand for.</summary>
    public bool IsIdMapped { get; init; }

    public bool IsReadOnly => (Set & MOUNT_ATTR_RDONLY) != 0;

    public static MountOptions Parse(IReadOnlyList<string> options)
    {
        ulong set = 0, clear = 0, propagation = MS_PRIVATE;
        bool? isRecursive = null;
        var isIdMapped = false;
        var own = new List<(string, string?)>();
        foreach (var option in options)
        {
            switch (option)
            {
                case "bind": isRecursive ??= false; break;
                case "rbind": isRecursive = true; break;
                case "defaults" or "async" or "relatime" or "rprivate" or "private": break;
                case "idmap": isIdMapped = true; break;
                case "ro": Add(MOUNT_ATTR_RDONLY); break;
                case "rw": Remove(MOUNT_ATTR_RDONLY); break;
                case "nosuid": Add(MOUNT_ATTR_NOSUID); break;
                case "suid": Remove(MOUNT_ATTR_NOSUID); break;
                case "nodev": Add(MOUNT_ATTR_NODEV); break;
                case "dev": Remove(MOUNT_ATTR_NODEV); break;
                case "noexec": Add(MOUNT_ATTR_NOEXEC); break;
                case "exec": Remove(MOUNT_ATTR_NOEXEC); break;
                case "noatime": AccessTimes(MOUNT_ATTR_NOATIME); break;
                case "strictatime": AccessTimes(MOUNT_ATTR_STRICTATIME); break;
                case "nodiratime": Add(MOUNT_ATTR_NODIRATIME); break;
                case "slave" or "rslave": propagation = MS_SLAVE; break;
                case "shared" or "rshared": propagation = MS_SHARED; break;
                case "unbindable" or "runbindable": propagation = MS_UNBINDABLE; break;
                default:
                    var equals = option.IndexOf('=', StringComparison.Ordinal);
                    own.Add(equals < 0 ? (option, null) : (option[..equals], option[(equals + 1)..]));
                    break;
            }
        }

        return new MountOptions(set, clear, propagation, isRecursive ?? true, own) { IsIdMapped = isIdMapped };

        void Add(ulong flag) => (set, clear) = (set | flag, clear & ~flag);

        void Remove(ulong flag) => (set, clear) = (set & ~flag, clear | flag);

        // Not a flag but a field of several bits: the kernel wants it cleared before it is set.
        void AccessTimes(ulong value) => (set, clear) = ((set & ~MOUNT_ATTR__ATIME) | value, clear | MOUNT_ATTR__ATIME);
    }
}
