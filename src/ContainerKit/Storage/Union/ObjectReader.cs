using System.Runtime.Versioning;
using ContainerKit.Linux;
using Microsoft.Win32.SafeHandles;

namespace ContainerKit.Storage.Union;

/// <summary>Reads what a file system knows about one object.</summary>
[SupportedOSPlatform("linux")]
internal static class ObjectReader
{
    /// <param name="calls">Who makes the calls.</param>
    /// <param name="directory">The directory that the object is in.</param>
    /// <param name="name">Its name.</param>
    /// <param name="stat">Its attributes as the container sees them.</param>
    /// <param name="isHidden">Which extended attributes are somebody's books.</param>
    public static FileMetadata Read(FileCalls calls, SafeFileHandle directory, FileName name, in FileStat stat, Func<string, bool> isHidden)
    {
        var isDevice = stat.Kind is FileKind.CharacterDevice or FileKind.BlockDevice;
        return new FileMetadata
        {
            Kind = stat.Kind,
            Mode = stat.Permissions,
            UserId = stat.UserId,
            GroupId = stat.GroupId,
            Size = stat.IsRegular ? stat.Size : 0,
            ModifiedTime = stat.ModifiedTime,
            LinkTarget = stat.IsSymlink ? calls.ReadLink(directory, name) : null,
            DeviceMajor = isDevice ? stat.DeviceMajor : 0,
            DeviceMinor = isDevice ? stat.DeviceMinor : 0,
            ExtendedAttributes = ReadAttributes(calls, directory, name, isHidden),
        };
    }

    private static IReadOnlyDictionary<string, ReadOnlyMemory<byte>> ReadAttributes(
        FileCalls calls, SafeFileHandle directory, FileName name, Func<string, bool> isHidden)
    {
        if (calls.TryListAttributes(directory, name, default, out var length) == 0 && length == 0)
        {
            return FileMetadata.NoAttributes;
        }

        var attributes = new SortedDictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var records = new List<string>();
        foreach (var attribute in calls.ListAttributes(directory, name))
        {
            if (AttributeRecord.IsOne(attribute))
            {
                records.Add(attribute);
            }
            else if (!isHidden(attribute) && calls.GetAttribute(directory, name, attribute) is { } value)
            {
                attributes.Add(attribute, value);
            }
        }

        foreach (var record in records)
        {
            // What the disk itself has under the name is right, whatever a record says.
            if (!isHidden(AttributeRecord.NameOf(record)) && calls.GetAttribute(directory, name, record) is { } value)
            {
                attributes.TryAdd(AttributeRecord.NameOf(record), value);
            }
        }

        return attributes.Count == 0 ? FileMetadata.NoAttributes : attributes;
    }
}
