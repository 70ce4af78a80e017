namespace ContainerKit.Tests.Shared.Registry;

/// <summary>One thing that goes wrong between a registry and its client, as data: which requests it befalls, and what becomes of them.</summary>
/// <param name="Method">The method of the requests that it befalls.</param>
/// <param name="Part">What their path has in it, such as <c>/blobs/</c>.</param>
internal sealed record Fault(string Method, string Part)
{
    /// <summary>Every time.</summary>
    public const int Always = int.MaxValue;

    /// <summary>How many such requests go through first.</summary>
    public int After { get; init; }

    /// <summary>How many such requests it befalls.</summary>
    public int Times { get; init; } = 1;

    /// <summary>Answers with this status, and does nothing that was asked for.</summary>
    public int? Status { get; init; }

    /// <summary>Headers that are added to the answer, or take the place of its own; null takes one away.</summary>
    public IReadOnlyDictionary<string, string?> Headers { get; init; } = new Dictionary<string, string?>();

    /// <summary>What is sent in place of the body.</summary>
    public byte[]? Body { get; init; }

    /// <summary>Answers as if the request had no Range.</summary>
    public bool IgnoresRange { get; init; }

    /// <summary>Sends only so many bytes of the body, and ends the connection in order.</summary>
    public int? ClosesAfter { get; init; }

    /// <summary>Sends only so many bytes of the body, and resets the connection.</summary>
    public int? ResetsAfter { get; init; }

    /// <summary>Sends only so many bytes of the body, and then nothing more until the client leaves.</summary>
    public int? StallsAfter { get; init; }

    /// <summary>Sends the body byte by byte, with this pause between two.</summary>
    public TimeSpan? Trickles { get; init; }

    /// <summary>Sends the body's bytes over and over, of unknown length, until the client leaves.</summary>
    public bool IsEndless { get; init; }

    /// <summary>Reads only so many bytes of the request's body, keeps them as a registry does, and resets the connection.</summary>
    public int? ResetsRequestAfter { get; init; }

    /// <summary>Does what was asked for, and then resets the connection without an answer.</summary>
    public bool ForgetsToAnswer { get; init; }

    /// <summary>The answer waits for this.</summary>
    public Task Until { get; init; } = Task.CompletedTask;
}
