using System.Runtime.CompilerServices;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Fuse;

/// <content>Open files and directories.</content>
internal sealed unsafe partial class FuseDispatcher
{
    private int AskAboutOpenFile(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        payload = 0;
        return header.Opcode switch
        {
            FuseOpcode.Open => Open(header, ref body, out payload),
            FuseOpcode.Create => Create(header, ref body, out payload),
            FuseOpcode.TmpFile => MakeNameless(header, ref body, out payload),
            FuseOpcode.Read => Read(header, ref body, out payload),
            FuseOpcode.Write => Write(header, ref body, out payload),
            FuseOpcode.Flush => _files.Flush(RequestOf(header), header.NodeId, body.Take<FuseHandleIn>().Handle),
            FuseOpcode.Release => Release(header, ref body),
            FuseOpcode.FSync => Synchronize(header, ref body),
            FuseOpcode.FAllocate => Allocate(header, ref body),
            FuseOpcode.LSeek => Seek(header, ref body, out payload),
            FuseOpcode.CopyFileRange or FuseOpcode.CopyFileRange64 => CopyRange(header, ref body, out payload),
            FuseOpcode.OpenDir => OpenDirectory(header, ref body, out payload),
            FuseOpcode.ReadDir => ReadDirectory(header, ref body, wantsAttributes: false, out payload),
            FuseOpcode.ReadDirPlus => ReadDirectory(header, ref body, wantsAttributes: true, out payload),
            FuseOpcode.ReleaseDir => ReleaseDirectory(header, ref body),
            FuseOpcode.FSyncDir => SynchronizeDirectory(header, ref body),

            // Locks, access checks, polling and block maps are the kernel's own business here.
            _ => Errno.ENOSYS,
        };
    }

    private int Open(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseOpenIn>();
        var errno = _files.Open(RequestOf(header), header.NodeId, asked.Flags, (asked.OpenFlags & FuseOpenIn.KillSetId) != 0, out var reply);
        return PutOpen(errno, reply, out payload);
    }

    private int Create(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseCreateIn>();
        var errno = _files.Create(RequestOf(header, asked.Umask), header.NodeId, body.TakeName(), asked.Mode, asked.Flags, out var entry, out var reply);
        return PutCreated(errno, entry, reply, out payload);
    }

    private int MakeNameless(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseCreateIn>();
        var errno = _files.MakeNameless(RequestOf(header, asked.Umask), header.NodeId, asked.Mode, asked.Flags, out var entry, out var reply);
        return PutCreated(errno, entry, reply, out payload);
    }

    private int PutOpen(int errno, in FuseOpenReply reply, out int payload)
    {
        _openHandle = errno == 0 ? reply.Handle : null;
        return Put(errno, new FuseOpenOut { Handle = reply.Handle, Flags = reply.Flags, BackingId = reply.BackingId }, out payload);
    }

    private int PutCreated(int errno, in FuseEntry entry, in FuseOpenReply reply, out int payload)
    {
        errno = PutEntry(errno, entry, out payload);
        if (errno == 0)
        {
            _openHandle = reply.Handle;
            Unsafe.Write(_output + payload, new FuseOpenOut { Handle = reply.Handle, Flags = reply.Flags, BackingId = reply.BackingId });
            payload += sizeof(FuseOpenOut);
        }

        return errno;
    }

    private int Read(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseTransferIn>();
        var errno = _files.Read(RequestOf(header), header.NodeId, asked.Handle, (long)asked.Offset, Output((int)asked.Size), out payload);
        return errno;
    }

    private int Write(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseTransferIn>();
        var kills = (asked.TransferFlags & FuseTransferIn.KillSetId) != 0;
        var errno = _files.Write(RequestOf(header), header.NodeId, asked.Handle, (long)asked.Offset, body.TakeBytes(asked.Size), kills, out var count);
        return Put(errno, new FuseSize { Size = (uint)count }, out payload);
    }

    private int Release(in FuseInHeader header, ref FuseMessage body)
    {
        _files.Release(header.NodeId, body.Take<FuseHandleIn>().Handle);
        return 0;
    }

    private int Synchronize(in FuseInHeader header, ref FuseMessage body)
    {
        ref readonly var asked = ref body.Take<FuseHandleIn>();
        return _files.Synchronize(RequestOf(header), header.NodeId, asked.Handle, (asked.Flags & FuseHandleIn.DataOnly) != 0);
    }

    private int Allocate(in FuseInHeader header, ref FuseMessage body)
    {
        ref readonly var asked = ref body.Take<FuseAllocateIn>();
        return _files.Allocate(RequestOf(header), header.NodeId, asked.Handle, (long)asked.Offset, (long)asked.Length, (int)asked.Mode);
    }

    private int Seek(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseSeekIn>();
        var errno = _files.Seek(RequestOf(header), header.NodeId, asked.Handle, (long)asked.Offset, (int)asked.Whence, out var result);
        return Put(errno, result, out payload);
    }

    private int CopyRange(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseCopyRangeIn>();

        // The older of the two requests has 32 bits for the answer.
        var isWide = header.Opcode == FuseOpcode.CopyFileRange64;
        var length = (long)Math.Min(asked.Length, isWide ? (ulong)long.MaxValue : uint.MaxValue & ~0xFFFu);
        var errno = asked.Flags != 0 ? Errno.EINVAL : _files.CopyRange(
            RequestOf(header), header.NodeId, asked.FromHandle, (long)asked.FromOffset, asked.ToNode, asked.ToHandle, (long)asked.ToOffset, length, out length);
        return isWide ? Put(errno, length, out payload) : Put(errno, new FuseSize { Size = (uint)length }, out payload);
    }

    private int OpenDirectory(in FuseInHeader header, ref FuseMessage body, out int payload)
    {
        payload = 0;
        if (!_files.OpensDirectories)
        {
            return Errno.ENOSYS;
        }

        var errno = _files.OpenDirectory(RequestOf(header), header.NodeId, body.Take<FuseOpenIn>().Flags, out var reply);
        return PutOpen(errno, reply, out payload);
    }

    private int ReadDirectory(in FuseInHeader header, ref FuseMessage body, bool wantsAttributes, out int payload)
    {
        ref readonly var asked = ref body.Take<FuseTransferIn>();
        var writer = new FuseDirectoryWriter(Output((int)asked.Size), wantsAttributes);
        var errno = _files.ReadDirectory(RequestOf(header), header.NodeId, asked.Handle, asked.Offset, ref writer);
        payload = errno == 0 ? writer.Length : 0;
        return errno;
    }

    private int ReleaseDirectory(in FuseInHeader header, ref FuseMessage body)
    {
        _files.ReleaseDirectory(header.NodeId, body.Take<FuseHandleIn>().Handle);
        return 0;
    }

    private int SynchronizeDirectory(in FuseInHeader header, ref FuseMessage body)
    {
        ref readonly var asked = ref body.Take<FuseHandleIn>();
        return _files.SynchronizeDirectory(RequestOf(header), header.NodeId, asked.Handle, (asked.Flags & FuseHandleIn.DataOnly) != 0);
    }
}
