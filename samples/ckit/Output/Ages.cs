namespace Ckit.Output;

/// <summary>How long ago something was, as one says it.</summary>
internal static class Ages
{
    public static string Format(DateTimeOffset? time)
    {
        if (time is not { } then)
        {
            return "N/A";
        }

        var age = DateTimeOffset.UtcNow - then;
        return age switch
        {
            { TotalSeconds: < 1 } => "Less than a second ago",
            { TotalSeconds: < 60 } => Say((int)age.TotalSeconds, "second"),
            { TotalMinutes: < 60 } => Say((int)age.TotalMinutes, "minute"),
            { TotalHours: < 48 } => Say((int)age.TotalHours, "hour"),
            { TotalDays: < 14 } => Say((int)age.TotalDays, "day"),
            { TotalDays: < 60 } => Say((int)age.TotalDays / 7, "week"),
            { TotalDays: < 730 } => Say((int)age.TotalDays / 30, "month"),
            _ => Say((int)age.TotalDays / 365, "year"),
        };
    }

    private static string Say(int count, string unit) => $"{count} {unit}{(count == 1 ? "" : "s")} ago";
}
