using System.CommandLine.Parsing;

namespace Ckit.CommandLine;

/// <summary>Platforms as docker spells them: <c>linux/arm64</c>, <c>linux/arm/v7</c>.</summary>
internal static class Platforms
{
    public static Platform? Parse(ArgumentResult argument)
    {
        var text = argument.Tokens[^1].Value;
        switch (text.Split('/'))
        {
            case [{ Length: > 0 } system, { Length: > 0 } architecture]:
                return new Platform(system, architecture);
            case [{ Length: > 0 } system, { Length: > 0 } architecture, { Length: > 0 } variant]:
                return new Platform(system, architecture, variant);
            default:
                argument.AddError($"'{text}' is no platform; linux/arm64 and linux/arm/v7 are.");
                return null;
        }
    }
}
