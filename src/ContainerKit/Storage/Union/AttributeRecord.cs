using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>
/// An extended attribute that its owner may not have on disk (a capability, a label, anything of <c>trusted</c>) stands in
/// <c>user.containerkit.xattr.NAME</c>, with the same value. Who reads the tree sees it under its own name; the kernel does not.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class AttributeRecord
{
    public const string Prefix = "user.containerkit.xattr.";

    public static bool IsOne(string attribute) => attribute.Length > Prefix.Length && attribute.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The name that it stands for.</summary>
    public static string NameOf(string record) => record[Prefix.Length..];

    /// <summary>The name that the record of an attribute has.</summary>
    public static string Of(string attribute) => Prefix + attribute;

    /// <summary>Whether a failure to set an attribute is one that a record makes good.</summary>
    public static bool Helps(int errno) => errno is Errno.EPERM or Errno.EOPNOTSUPP;

    /// <summary>Writes a record. Only files and directories can have one.</summary>
    /// <returns>0 or an <see cref="Errno"/>.</returns>
    public static int TryWrite(FileCalls calls, SafeFileHandle directory, FileName name, string attribute, ReadOnlySpan<byte> value) =>
        calls.TrySetAttribute(directory, name, Of(attribute), value);
}
