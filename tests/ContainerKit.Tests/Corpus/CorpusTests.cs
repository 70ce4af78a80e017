using System.Text;
using ContainerKit.Images;
using ContainerKit.Layers;
using ContainerKit.Registry;
using ContainerKit.Tests.Layers;
using ContainerKit.Tests.Shared.Registry;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Corpus;

/// <summary>
/// What noise found: for each reader of input from outside, one small input for each different answer that it can give. They are kept with their
/// answers, so that a sentence changes only on purpose, and every refusal has an input that reaches it.
/// </summary>
public sealed class CorpusTests
{
    private static readonly SampleImage Image = SampleImage.Of(200);

    private static readonly Dictionary<string, Reader> Readers = new()
    {
        ["layer"] = new(LayerFuzzTests.ReadAll, LayerFuzzTests.Everything()) { Spoil = LayerFuzzTests.Spoil },
        ["gzip"] = new(Decompress, Samples.Compressed(CompressionKind.Gzip)),
        ["zstd"] = new(Decompress, Samples.Compressed(CompressionKind.Zstd)),
        ["xz"] = new(Decompress, Samples.Compressed(CompressionKind.Xz)),
        ["bzip2"] = new(Decompress, Samples.Compressed(CompressionKind.Bzip2)),
        ["manifest"] = new(json => Manifest.Parse(json, new Descriptor(SampleImage.ManifestType, Digest.Of(json), json.Length)), Image.Manifest) { Spoil = SpoilJson },
        ["index"] = new(json => ImageIndex.Parse(json, SampleImage.IndexType, "index"), SampleImage.IndexOf(Image)) { Spoil = SpoilJson },
        ["config"] = new(json => ImageConfig.Parse(json, "config"), Image.Config) { Spoil = SpoilJson },
        ["auth-file"] = new(json => AuthFile.Parse(json, "auth file"), """{"auths":{"r.example/team":{"auth":"YTpi","identitytoken":"t"}},"credHelpers":{"a.example":"one"},"credsStore":"all"}"""u8.ToArray()) { Spoil = SpoilJson },
        ["reference"] = new(text => ImageReference.Parse(Encoding.UTF8.GetString(text)), Encoding.UTF8.GetBytes($"registry.example:5000/team/app:1.2@{Digest.Of("x"u8)}")),
    };

    private static readonly string[] Values =
        ["null", "true", "-1", "0", "2", "9223372036854775808", "1.5", "\"\"", "\"\\ud800\"", "[]", "[1]", "{}", "{\"a\":1}", "\"sha512:00\"", $"\"{Digest.Of("y"u8)}\"", $"\"{SampleImage.IndexType}\"", $"\"{SampleImage.ManifestType}\"", "\"a:b\""];

    private static IEnumerable<string> Names => Readers.Keys;

    [TestCaseSource(nameof(Names))]
    public void Every_input_is_answered_as_before(string reader)
    {
        var corpus = AnswerBook.Read(reader);

        Assert.That(corpus.Count, Is.Positive);
        Assert.That(
            string.Join('\n', corpus.Select(known => AnswerBook.AnswerOf(Readers[reader].Read, known.Input))),
            Is.EqualTo(string.Join('\n', corpus.Select(known => known.Answer))));
    }

    /// <summary>With <c>CONTAINERKIT_FUZZ=N</c>, what is found is written down, to be looked at and copied.</summary>
    [TestCaseSource(nameof(Names))]
    public void Noise_finds_no_answer_that_nobody_has_seen(string reader)
    {
        var (read, good) = Readers[reader];
        var corpus = AnswerBook.Read(reader);
        if (corpus.Count == 0)
        {
            corpus.Add((AnswerBook.AnswerOf(read, good), good));
        }

        // From the good one more often than from all others, which have less and less in them.
        var (known, found) = (corpus.Select(each => each.Answer).ToHashSet(), new List<string>());
        var random = new Random(Fuzzing.Seed(1));
        for (var round = 0; round < Fuzzing.Rounds(500); round++)
        {
            var input = Readers[reader].Spoil(random.Next(2) == 0 ? good : corpus[random.Next(corpus.Count)].Input, random);
            var answer = AnswerBook.AnswerOf(read, input);
            if (known.Add(answer))
            {
                found.Add(answer);
                corpus.Add((answer, AnswerBook.Shrink(input, smaller => AnswerBook.AnswerOf(read, smaller) == answer)));
            }
        }

        AnswerBook.WriteReceived(reader, corpus);
        Assert.That(found, Is.Empty, $"If these are good answers: cp artifacts/{reader}.received.txt {AnswerBook.PathOf(reader)}");
    }

    // Half of the time, what stands behind a colon becomes something else.
    private static byte[] SpoilJson(byte[] json, Random random)
    {
        var text = Encoding.Latin1.GetString(json);
        int[] colons = [.. Enumerable.Range(0, text.Length).Where(at => text[at] == ':')];
        if (random.Next(2) == 0 || colons.Length == 0)
        {
            return ArchiveNoise.Mutate(json, random);
        }

        var start = colons[random.Next(colons.Length)] + 1;
        var end = text.IndexOfAny([',', '}', ']'], start) is var found and >= 0 ? found : text.Length;
        return Encoding.Latin1.GetBytes(text[..start] + Values[random.Next(Values.Length)] + text[end..]);
    }

    private static void Decompress(byte[] compressed) => Samples.Decompress(new MemoryStream(compressed), new LayerLimits { MaxCompressionRatio = 500, RatioMattersFrom = 1 << 20 });

    /// <summary>What reads input from outside.</summary>
    private sealed record Reader(Action<byte[]> Read, byte[] Good)
    {
        public Func<byte[], Random, byte[]> Spoil { get; init; } = ArchiveNoise.Mutate;
    }
}
