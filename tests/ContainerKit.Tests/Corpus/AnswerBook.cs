using System.IO.Compression;
using System.Text.RegularExpressions;

namespace ContainerKit.Tests.Corpus;

/// <summary>The inputs of one reader with its answers: a text file of lines, which are an input (deflated, in base64), a tab, and the answer.</summary>
internal static partial class AnswerBook
{
    /// <summary>Where the inputs of a reader are, from the top of the repository.</summary>
    public static string PathOf(string reader) => $"tests/ContainerKit.Tests/Corpus/{reader}.approved.txt";

    public static List<(string Answer, byte[] Input)> Read(string reader) => File.Exists(SourceTree.PathOf(PathOf(reader)))
        ? [.. SourceTree.Read(PathOf(reader)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).Select(parts => (parts[1], Inflate(parts[0])))]
        : [];

    public static void WriteReceived(string reader, IEnumerable<(string Answer, byte[] Input)> corpus)
    {
        Directory.CreateDirectory(SourceTree.PathOf("artifacts"));
        File.WriteAllText(
            SourceTree.PathOf($"artifacts/{reader}.received.txt"),
            string.Concat(corpus.OrderBy(each => each.Answer, StringComparer.Ordinal).Select(each => $"{Deflate(each.Input)}\t{each.Answer}\n")));
    }

    /// <summary>What a reader makes of an input: nothing to say, or the sentence of its refusal without what is quoted and counted in it.</summary>
    /// <exception cref="InvalidOperationException">It failed otherwise.</exception>
    public static string AnswerOf(Action<byte[]> read, byte[] input)
    {
        try
        {
            read(input);
            return "read";
        }
        catch (Exception e) when (e is ImageException or FormatException or RegistryException)
        {
            return Particulars().Replace(e.Message, "…");
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Neither read nor refused: {Convert.ToBase64String(input)}", e);
        }
    }

    /// <summary>Takes pieces out of an input for as long as something holds for it.</summary>
    public static byte[] Shrink(byte[] input, Func<byte[], bool> holds)
    {
        for (var length = Math.Max(input.Length / 2, 1); length > 0; length /= 2)
        {
            for (var at = 0; at + length <= input.Length;)
            {
                byte[] smaller = [.. input.AsSpan(0, at), .. input.AsSpan(at + length)];
                if (holds(smaller))
                {
                    input = smaller;
                }
                else
                {
                    at += length;
                }
            }
        }

        return input;
    }

    // Of JSON, only that it is none: the rest is the runtime's own, and changes with it.
    [GeneratedRegex("""(?<=not valid JSON: ).*|\B'.*'|"[^"]*"|[\[(].*[\])]|sha256:[0-9a-f]*|[0-9]+|[^ -~]""", RegexOptions.Singleline)]
    private static partial Regex Particulars();

    private static string Deflate(byte[] input)
    {
        using var output = new MemoryStream();
        using (var deflate = new DeflateStream(output, CompressionLevel.SmallestSize))
        {
            deflate.Write(input);
        }

        return Convert.ToBase64String(output.ToArray());
    }

    private static byte[] Inflate(string text)
    {
        using var output = new MemoryStream();
        using var inflate = new DeflateStream(new MemoryStream(Convert.FromBase64String(text)), CompressionMode.Decompress);
        inflate.CopyTo(output);
        return output.ToArray();
    }
}
