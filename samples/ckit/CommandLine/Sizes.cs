using System.CommandLine.Parsing;
using System.Globalization;

namespace Ckit.CommandLine;

/// <summary>Amounts of bytes: <c>64m</c> and <c>1g</c> as docker reads them (by 1024), and <c>12.3MB</c> as it prints them (by 1000).</summary>
internal static class Sizes
{
    private const string Units = "bkmgtp";

    public static long? Parse(ArgumentResult argument)
    {
        var text = argument.Tokens is [var token] ? token.Value : "";
        if (TryParse(text, out var bytes))
        {
            return bytes;
        }

        argument.AddError($"'{text}' is not an amount of bytes; 64m and 1g are.");
        return null;
    }

    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var number = text.ToLowerInvariant();
        if (number.EndsWith("ib", StringComparison.Ordinal))
        {
            number = number[..^2];
        }
        else if (number.Length > 1 && number[^1] == 'b' && char.IsLetter(number[^2]))
        {
            number = number[..^1];
        }

        var power = number.Length > 0 ? Units.IndexOf(number[^1], StringComparison.Ordinal) : -1;
        if (power >= 0)
        {
            number = number[..^1];
        }

        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) || amount <= 0)
        {
            return false;
        }

        var exact = amount;
        for (var i = 0; i < power && exact <= long.MaxValue; i++)
        {
            exact *= 1024;
        }

        if (exact is < 1 or > long.MaxValue)
        {
            return false;
        }

        bytes = (long)exact;
        return true;
    }

    public static string Format(long bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
        var amount = (double)bytes;
        var unit = 0;
        while (amount >= 1000 && unit < units.Length - 1)
        {
            amount /= 1000;
            unit++;
        }

        // Three digits, as docker has them: 1.23, 12.3, 123.
        var format = unit == 0 || amount >= 100 ? "0" : amount >= 10 ? "0.#" : "0.##";
        return amount.ToString(format, CultureInfo.InvariantCulture) + units[unit];
    }
}
