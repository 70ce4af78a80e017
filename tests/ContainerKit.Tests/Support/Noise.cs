namespace ContainerKit.Tests.Support;

/// <summary>Spoils good input a little, for parsers that must stand it.</summary>
internal static class Noise
{
    private static readonly string[] Pieces =
        ["", " ", "\n", "\0", ":", "-", "/", "\\", "\\04", "\\777", "..", ",", "99999999999999999999", "-1", "\ud800", "/../", " - ", "::"];

    /// <summary>Replaces a few stretches of a text by pieces that parsers stumble over.</summary>
    public static string Damage(string text, Random random)
    {
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            var start = random.Next(text.Length + 1);
            var end = Math.Min(text.Length, start + random.Next(20));
            text = text[..start] + Pieces[random.Next(Pieces.Length)] + text[end..];
        }

        return text;
    }
}
