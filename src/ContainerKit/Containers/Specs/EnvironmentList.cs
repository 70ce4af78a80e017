namespace ContainerKit.Containers.Specs;

/// <summary>Environments as images and execve(2) hold them: <c>NAME=value</c>, one per item, each name once.</summary>
internal static class EnvironmentList
{
    /// <summary>The first list with the second laid over it; a name keeps the place where it first stood.</summary>
    public static IReadOnlyList<string> Merge(IReadOnlyList<string> below, IEnumerable<KeyValuePair<string, string>> above)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var merged = new List<string>();
        foreach (var (name, item) in below.Select(item => (NameOf(item), item)).Concat(above.Select(pair => (pair.Key, $"{pair.Key}={pair.Value}"))))
        {
            if (places.TryAdd(name, merged.Count))
            {
                merged.Add(item);
            }
            else
            {
                merged[places[name]] = item;
            }
        }

        return merged;
    }

    private static string NameOf(string item) => item.IndexOf('=', StringComparison.Ordinal) is var at and >= 0 ? item[..at] : item;
}
