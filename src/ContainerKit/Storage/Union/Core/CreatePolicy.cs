using System.Globalization;

namespace ContainerKit.Storage.Union.Core;

/// <summary>Which of several writable branches gets what is new: AUFS's <c>create=</c>.</summary>
/// <param name="Rule">How it is chosen.</param>
/// <param name="Watermark">How many bytes must be free in a branch, for the rules that have such a limit.</param>
internal readonly record struct CreatePolicy(CreateRule Rule, long Watermark = 0)
{
    /// <summary>Reads <c>tdp</c>, <c>rr</c>, <c>mfs[:SECONDS]</c>, <c>pmfs[:SECONDS]</c>, <c>mfsrr:BYTES[:SECONDS]</c>, <c>pmfsrr:…</c> or <c>tdmfs:…</c>.</summary>
    /// <exception cref="ArgumentException">It is none of them.</exception>
    public static CreatePolicy Parse(string text)
    {
        // For how many seconds AUFS remembers what is free does not matter to who asks each time.
        var words = text.Split(':');
        return (words[0], words.Length) switch
        {
            ("tdp" or "top-down-parent", 1) => new(CreateRule.TopDownParent),
            ("rr" or "round-robin", 1) => new(CreateRule.RoundRobin),
            ("mfs" or "most-free-space", <= 2) => new(CreateRule.MostFree),
            ("pmfs", <= 2) => new(CreateRule.ParentMostFree),
            ("mfsrr", 2 or 3) => new(CreateRule.MostFreeOrRoundRobin, BytesOf(words[1])),
            ("pmfsrr", 2 or 3) => new(CreateRule.ParentMostFreeOrRoundRobin, BytesOf(words[1])),
            ("tdmfs", 2 or 3) => new(CreateRule.TopDownUnlessFull, BytesOf(words[1])),
            _ => throw new ArgumentException($"'{text}' is no policy for what is new in a union of several writable branches."),
        };
    }

    private static long BytesOf(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
        ? bytes
        : throw new ArgumentException($"'{text}' is no number of bytes for a policy of what is new.");
}

/// <summary>How a writable branch is chosen.</summary>
internal enum CreateRule
{
    /// <summary>The topmost that has the directory, or the next above the topmost that has.</summary>
    TopDownParent,

    /// <summary>One after the other.</summary>
    RoundRobin,

    /// <summary>The one with the most space; of those with the same, the lowest.</summary>
    MostFree,

    /// <summary>Of those that have the directory the one with the most space; of those with the same, the topmost.</summary>
    ParentMostFree,

    /// <summary>As <see cref="MostFree"/>, and when that has little, <see cref="RoundRobin"/>.</summary>
    MostFreeOrRoundRobin,

    /// <summary>As <see cref="ParentMostFree"/>, and when that has little, <see cref="RoundRobin"/>.</summary>
    ParentMostFreeOrRoundRobin,

    /// <summary>The topmost that is not nearly full, or else as <see cref="MostFree"/>.</summary>
    TopDownUnlessFull,
}
