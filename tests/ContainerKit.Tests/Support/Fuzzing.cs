namespace ContainerKit.Tests.Support;

/// <summary>
/// How long fuzzing goes on. As a test it is short and always the same; <c>CONTAINERKIT_FUZZ=N</c> makes it N times as long, with other inputs for
/// each N. What such a run finds becomes a test of its own.
/// </summary>
internal static class Fuzzing
{
    private static readonly int Factor = int.TryParse(Environment.GetEnvironmentVariable("CONTAINERKIT_FUZZ"), out var factor) && factor > 1 ? factor : 1;

    /// <summary>Where the inputs come from.</summary>
    public static int Seed(int seed) => Factor == 1 ? seed : unchecked((seed * 1_000_003) + Factor);

    /// <summary>How many inputs are tried.</summary>
    public static int Rounds(int usual) => usual * Factor;

    /// <summary>Runs something with an input that may be refused with <typeparamref name="TRefusal"/>; when it fails otherwise, the input is shown.</summary>
    public static void Try<TRefusal>(byte[] input, Action action)
        where TRefusal : Exception
    {
        try
        {
            Tolerate.Only<TRefusal>(action);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Neither read nor refused: {Convert.ToBase64String(input)}", e);
        }
    }
}
