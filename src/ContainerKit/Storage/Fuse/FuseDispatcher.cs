using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Storage.Fuse;

/// <summary>Takes one request apart, asks the file system, and puts the answer together: one per worker, in the worker's two buffers.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe partial class FuseDispatcher
{
    private readonly FuseFileSystem _files;
    private readonly byte* _output;
    private readonly int _outputSize;
    private readonly int* _interrupted;

    // What the request being answered has handed out, in case that the kernel no longer wants it.
    private ulong _entryNode;
    private ulong? _openHandle;

    /// <summary>Answers for a file system; the payload goes to <paramref name="output"/>.</summary>
    public FuseDispatcher(FuseFileSystem files, byte* output, int outputSize, int* interrupted)
    {
        _files = files;
        _output = output;
        _outputSize = outputSize;
        _interrupted = interrupted;
    }

    /// <summary>Whether the kernel waits for an answer to such a request.</summary>
    public static bool IsAnswered(FuseOpcode opcode) => opcode is not (FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt);

    /// <summary>Asks the file system.</summary>
    /// <returns>0 or an errno; with 0, <paramref name="payload"/> bytes of answer are in the output buffer.</returns>
    public int Ask(byte* message, int length, out int payload)
    {
        ref readonly var header = ref Unsafe.AsRef<FuseInHeader>(message);
        var extensions = header.ExtensionLength * 8;
        var body = new FuseMessage(message + sizeof(FuseInHeader), message + Math.Max(sizeof(FuseInHeader), length - extensions));
        payload = 0;
        _entryNode = 0;
        _openHandle = null;
        return header.Opcode switch
        {
            FuseOpcode.Lookup => Lookup(header, ref body, out payload),
            FuseOpcode.Forget => Forget(header, ref body),
            FuseOpcode.BatchForget => ForgetMany(ref body),
            FuseOpcode.GetAttr => GetAttributes(header, ref body, out payload),
            FuseOpcode.Statx => GetBirth(header, ref body, out payload),
            FuseOpcode.SetAttr => SetAttributes(header, ref body, out payload),
            FuseOpcode.ReadLink => _files.ReadLink(RequestOf(header), header.NodeId, Output(PathMax), out payload),
            FuseOpcode.Symlink => MakeSymlink(header, ref body, out payload),
            FuseOpcode.MkNod => MakeNode(header, ref body, out payload),
            FuseOpcode.MkDir => MakeDirectory(header, ref body, out payload),
            FuseOpcode.Unlink => _files.Unlink(RequestOf(header), header.NodeId, body.TakeName()),
            FuseOpcode.RmDir => _files.RemoveDirectory(RequestOf(header), header.NodeId, body.TakeName()),
            FuseOpcode.Rename => Rename(header, body.Take<ulong>(), RenameFlags.None, ref body),
            FuseOpcode.Rename2 => Rename2(header, ref body),
            FuseOpcode.Link => Link(header, ref body, out payload),
            FuseOpcode.StatFs => GetStatistics(header, out payload),
            FuseOpcode.SetXAttr => SetExtendedAttribute(header, ref body),
            FuseOpcode.GetXAttr => GetExtendedAttribute(header, ref body, out payload),
            FuseOpcode.ListXAttr => ListExtendedAttributes(header, ref body, out payload),
            FuseOpcode.RemoveXAttr => _files.RemoveExtendedAttribute(RequestOf(header), header.NodeId, body.TakeName()),
            FuseOpcode.SyncFs => _files.SynchronizeAll(RequestOf(header)),
            FuseOpcode.IoCtl => Errno.ENOTTY,
            FuseOpcode.Destroy => 0,
            _ => AskAboutOpenFile(header, ref body, out payload),
        };
    }

    /// <summary>Takes back what the last answer handed out, because the asker was gone before it came. fuse(4), ENOENT</summary>
    public void TakeBack(FuseOpcode opcode, ulong node)
    {
        if (_openHandle is { } handle)
        {
            if (opcode == FuseOpcode.OpenDir)
            {
                _files.ReleaseDirectory(node, handle);
            }
            else
            {
                _files.Release(_entryNode != 0 ? _entryNode : node, handle);
            }
        }

        if (_entryNode != 0)
        {
            _files.Forget(_entryNode, 1);
        }
    }

    private const int PathMax = 4096;

    private FuseRequest RequestOf(in FuseInHeader header, uint umask = 0) =>
        new(header.Unique, header.UserId, header.GroupId, header.ProcessId, umask, _interrupted);

    private Span<byte> Output(int size) => new(_output, Math.Min(size, _outputSize));

    private int Put<T>(int errno, in T answer, out int payload)
        where T : unmanaged
    {
        payload = errno == 0 ? sizeof(T) : 0;
        if (errno == 0)
        {
            Unsafe.Write(_output, answer);
        }

        return errno;
    }

    private int PutEntry(int errno, in FuseEntry entry, out int payload)
    {
        _entryNode = errno == 0 ? entry.NodeId : 0;
        return Put(errno, entry, out payload);
    }

    private int PutAttributes(int errno, in FuseAttributesReply reply, out int payload) =>
        Put(errno, new FuseAttributesOut { Valid = reply.Valid, Attributes = reply.Attributes }, out payload);
}
