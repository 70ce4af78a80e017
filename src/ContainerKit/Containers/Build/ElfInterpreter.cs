using System.Buffers.Binary;
using System.Text;

namespace ContainerKit.Containers.Build;

/// <summary>Reads, from the head of a program, who must load it: an ELF file's interpreter, or a script's.</summary>
internal static class ElfInterpreter
{
    private const int ProgramHeaderInterpreter = 3;
    private const int LongestPath = 4096;

    /// <summary>The loader or shell that the kernel would start for this program; null for a static one.</summary>
    /// <exception cref="InvalidDataException">The file is no program that Linux knows, or its header lies.</exception>
    public static string? Read(Stream program)
    {
        Span<byte> head = stackalloc byte[256];
        var length = program.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        head = head[..length];
        if (head.StartsWith("#!"u8))
        {
            return ReadScript(head);
        }

        // ELF-64, "File header" and "Program header".
        if (length < 64 || !head.StartsWith("\u007fELF"u8) || head[4] != 2 || head[5] != 1)
        {
            throw new InvalidDataException("It is neither a 64-bit little-endian ELF program nor a script.");
        }

        var table = (long)BinaryPrimitives.ReadUInt64LittleEndian(head[32..]);
        var size = BinaryPrimitives.ReadUInt16LittleEndian(head[54..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(head[56..]);
        Span<byte> header = stackalloc byte[56];
        for (var i = 0; i < count && size >= header.Length; i++)
        {
            ReadAt(program, table + ((long)i * size), header);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) == ProgramHeaderInterpreter)
            {
                return ReadPath(program, (long)BinaryPrimitives.ReadUInt64LittleEndian(header[8..]), (long)BinaryPrimitives.ReadUInt64LittleEndian(header[32..]));
            }
        }

        return null;
    }

    private static string ReadScript(ReadOnlySpan<byte> head)
    {
        // A carriage return belongs to the name, as it does for the kernel.
        var line = head[2..];
        var end = line.IndexOf((byte)'\n');
        var words = Encoding.UTF8.GetString(end < 0 ? line : line[..end]).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 0 ? words[0] : throw new InvalidDataException("The script's first line names no interpreter.");
    }

    private static string ReadPath(Stream program, long offset, long length)
    {
        if (length is <= 1 or > LongestPath)
        {
            throw new InvalidDataException("The program's interpreter has no sensible name.");
        }

        var path = new byte[length];
        ReadAt(program, offset, path);
        return Encoding.UTF8.GetString(path).TrimEnd('\0');
    }

    private static void ReadAt(Stream program, long offset, Span<byte> into)
    {
        if (offset < 0 || offset > program.Length)
        {
            throw new InvalidDataException("The program's header points outside the file.");
        }

        program.Position = offset;
        if (program.ReadAtLeast(into, into.Length, throwOnEndOfStream: false) < into.Length)
        {
            throw new InvalidDataException("The program ends in the middle of its header.");
        }
    }
}
