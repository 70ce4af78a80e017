using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Fuse;

/// <summary>What a file system may ask of the kernel, by way of the server.</summary>
/// <remarks>
/// Telling the kernel to forget takes locks of the kernel: an entry's needs the parent directory's, which the kernel holds while it waits for
/// the answer to lookup, create, unlink or rename in it; data needs its pages', held while it waits for a read. So those two are queued and told by a thread
/// of their own, and may be called from anywhere. Attributes take no lock and are told at once.
/// </remarks>
[SupportedOSPlatform("linux")]
internal abstract class FuseKernel
{
    /// <summary>Whether data of open files can go straight to backing files, and if not, why.</summary>
    public abstract FusePassthrough Passthrough { get; }

    /// <summary>Registers an open regular file as one that data is passed through to; the kernel keeps it, so the handle may be closed.</summary>
    /// <remarks>
    /// The kernel opens it again for each use, with the user's flags <i>and the server's rights</i>: whoever gives out the id of a
    /// read-only layer's file for an open that writes has the layer written.
    /// </remarks>
    /// <returns>0 or an errno: ELOOP for a file of a stacked file system, EPERM where the server is in a user namespace.</returns>
    public abstract int TryOpenBacking(SafeFileHandle file, out int backingId);

    /// <summary>Ends a registration; open descriptors keep what they have.</summary>
    public abstract void CloseBacking(int backingId);

    /// <summary>The kernel asks for the node's attributes when it next needs them.</summary>
    public abstract void InvalidateAttributes(ulong node);

    /// <summary>The kernel drops pages of a file from its cache (a length of 0: to the end), or the names of a directory, and the attributes.</summary>
    public abstract void InvalidateData(ulong node, long offset = 0, long length = 0);

    /// <summary>The kernel asks for the name again.</summary>
    public abstract void InvalidateEntry(ulong parent, ReadOnlySpan<byte> name);

    /// <summary>Whether <see cref="ForgetNames"/> can be had: from protocol 7.44 on, Linux 6.16.</summary>
    public abstract bool CanForgetNames { get; }

    /// <summary>The kernel asks again for every name that it knows, also for those that it knows to be of nothing. It takes no lock, and is told at once.</summary>
    public abstract void ForgetNames();

    /// <summary>The kernel drops what it knows a directory to list. It takes no lock that is held while an answer is waited for, and is told at once.</summary>
    public abstract void ForgetListing(ulong node);

    /// <summary>
    /// The calling worker will be busy for milliseconds (a large copy, a flush to disk): when no other is free, one more is started, so that nobody
    /// else notices.
    /// </summary>
    public abstract void ExpectLongWork();

    /// <summary>Returns when all that was queued before has been told. Never to be called while a request is being answered.</summary>
    public abstract void WaitUntilTold();
}

/// <summary>Whether passthrough is used, and if not, why, as a sentence.</summary>
/// <param name="IsActive">Whether files are passed through.</param>
/// <param name="WhyNot">Null when active.</param>
internal sealed record FusePassthrough(bool IsActive, string? WhyNot)
{
    public static FusePassthrough Active { get; } = new(true, null);

    /// <summary>As the status line of a mount shows it.</summary>
    public override string ToString() => IsActive ? "active" : WhyNot!;
}
