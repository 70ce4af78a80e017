using ContainerKit.Linux;

namespace ContainerKit.Storage.Fuse;

/// <content>Names, nodes and their attributes.</content>
internal sealed unsafe partial class FuseDispatcher
{
    // STATX_BASIC_STATS and STATX_BTIME.
    private const uint BasicStats = 0x7FF, BirthTimeStat = 0x800;

    private int Lookup(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        var errno = _files.Lookup(RequestOf(header), header.NodeId, body.TakeName(), out var entry);
        return PutEntry(errno, entry, out payload);
    }

    private int Forget(in FuseInHeader header, ref FuseMessage body)
    {
        _files.Forget(header.NodeId, body.Take<ulong>());
        return 0;
    }

    private int ForgetMany(ref FuseMessage body)
    {
        for (var left = body.Take<FuseSize>().Size; left > 0; left--)
        {
            ref readonly var one = ref body.Take<FuseForgetOne>();
            _files.Forget(one.NodeId, one.Count);
        }

        return 0;
    }

    private int GetAttributes(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseGetAttributesIn>();
        ulong? handle = (asked.Flags & FuseGetAttributesIn.HasHandle) != 0 ? asked.Handle : null;
        var errno = _files.GetAttributes(RequestOf(header), header.NodeId, handle, needsBirthTime: false, out var reply);
        return PutAttributes(errno, reply, out payload);
    }

    private int GetBirth(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseGetAttributesIn>();
        ulong? handle = (asked.Flags & FuseGetAttributesIn.HasHandle) != 0 ? asked.Handle : null;
        var errno = _files.GetAttributes(RequestOf(header), header.NodeId, handle, needsBirthTime: true, out var reply);
        ref readonly var known = ref reply.Attributes;
        var answer = new FuseStatxOut
        {
            Valid = reply.Valid,
            Mask = BasicStats | (reply.BirthTime is null ? 0 : BirthTimeStat),
            BlockSize = known.BlockSize,
            LinkCount = known.LinkCount,
            UserId = known.UserId,
            GroupId = known.GroupId,
            Mode = (ushort)known.Mode,
            Inode = known.Inode,
            Size = (ulong)known.Size,
            Blocks = (ulong)known.Blocks,
            AccessTime = new FuseTime { Seconds = known.AccessSeconds, Nanoseconds = known.AccessNanoseconds },
            ChangeTime = new FuseTime { Seconds = known.ChangeSeconds, Nanoseconds = known.ChangeNanoseconds },
            ModifiedTime = new FuseTime { Seconds = known.ModifiedSeconds, Nanoseconds = known.ModifiedNanoseconds },
            BirthTime = reply.BirthTime is { } birth ? new FuseTime { Seconds = birth.Seconds, Nanoseconds = (uint)birth.Nanoseconds } : default,
            DeviceMajor = FuseAttributes.DeviceMajor(known.Device),
            DeviceMinor = FuseAttributes.DeviceMinor(known.Device),
        };
        return Put(errno, answer, out payload);
    }

    private int SetAttributes(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        var errno = _files.SetAttributes(RequestOf(header), header.NodeId, body.Take<FuseAttributesChange>(), out var reply);
        return PutAttributes(errno, reply, out payload);
    }

    private int MakeSymlink(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        var name = body.TakeName();
        var errno = _files.MakeSymlink(RequestOf(header), header.NodeId, name, body.TakeName(), out var entry);
        return PutEntry(errno, entry, out payload);
    }

    private int MakeNode(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseMakeNodeIn>();
        var errno = _files.MakeNode(RequestOf(header, asked.Umask), header.NodeId, body.TakeName(), asked.Mode, asked.Device, out var entry);
        return PutEntry(errno, entry, out payload);
    }

    private int MakeDirectory(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseMakeDirectoryIn>();
        var errno = _files.MakeDirectory(RequestOf(header, asked.Umask), header.NodeId, body.TakeName(), asked.Mode, out var entry);
        return PutEntry(errno, entry, out payload);
    }

    private int Rename2(in FuseInHeader header, ref FuseMessage body)
    {
        ref readonly var asked = ref body.Take<FuseRename2In>();
        return Rename(header, asked.NewParent, (RenameFlags)asked.Flags, ref body);
    }

    private int Rename(in FuseInHeader header, ulong newParent, RenameFlags flags, ref FuseMessage body)
    {
        var oldName = body.TakeName();
        return _files.Rename(RequestOf(header), header.NodeId, oldName, newParent, body.TakeName(), flags);
    }

    private int Link(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        var node = body.Take<ulong>();
        var errno = _files.Link(RequestOf(header), node, header.NodeId, body.TakeName(), out var entry);
        return PutEntry(errno, entry, out payload);
    }

    private int GetStatistics(in FuseInHeader header, out int payload)
    {
        var errno = _files.GetStatistics(RequestOf(header), header.NodeId, out var statistics);
        return Put(errno, statistics, out payload);
    }

    private int SetExtendedAttribute(in FuseInHeader header, ref FuseMessage body)
    {
        ref readonly var asked = ref body.Take<FuseSetXAttrIn>();
        var name = body.TakeName();
        return _files.SetExtendedAttribute(
            RequestOf(header), header.NodeId, name, body.TakeBytes(asked.Size), (int)asked.Flags, (asked.SetXAttrFlags & FuseSetXAttrIn.KillSetGroupId) != 0);
    }

    private int GetExtendedAttribute(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        var room = body.Take<FuseSize>().Size;
        var errno = _files.GetExtendedAttribute(RequestOf(header), header.NodeId, body.TakeName(), Output((int)room), out var length);
        return PutSized(errno, room, length, out payload);
    }

    private int ListExtendedAttributes(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        var room = body.Take<FuseSize>().Size;
        var errno = _files.ListExtendedAttributes(RequestOf(header), header.NodeId, Output((int)room), out var length);
        return PutSized(errno, room, length, out payload);
    }

    // Who gives no room asks for the size alone, and who gives too little is told.
    private int PutSized(int errno, uint room, int length, out int payload)
    {
        if (room == 0)
        {
            return Put(errno, new FuseSize { Size = (uint)length }, out payload);
        }

        errno = errno == 0 && length > room ? Errno.ERANGE : errno;
        payload = errno == 0 ? length : 0;
        return errno;
    }
}
