using System.Globalization;

namespace Ckit.CommandLine;

/// <summary>Names for containers that were given none, such as <c>quiet_harbour</c>: easier to say and to type than an id.</summary>
internal static class ContainerNames
{
    private static readonly string[] Moods =
    [
        "amber", "bold", "brave", "bright", "calm", "clever", "cosy", "crisp", "eager", "early", "fair", "fleet", "fond", "gentle", "glad", "golden",
        "green", "happy", "hardy", "honest", "jolly", "keen", "kind", "lively", "lucky", "mellow", "merry", "mild", "nimble", "noble", "patient", "plucky",
        "polite", "proud", "quick", "quiet", "rapid", "ready", "silver", "smart", "snug", "steady", "still", "sunny", "swift", "tidy", "vivid", "warm",
    ];

    private static readonly string[] Places =
    [
        "anchor", "bay", "beach", "berth", "breeze", "bridge", "buoy", "canal", "cape", "cliff", "coast", "cove", "creek", "current", "deck", "delta",
        "dock", "dune", "ferry", "fjord", "ford", "galley", "gulf", "harbour", "haven", "helm", "island", "jetty", "keel", "lagoon", "lake", "lighthouse",
        "marina", "mast", "mooring", "ocean", "pier", "port", "quay", "reef", "rudder", "sail", "shore", "sound", "strait", "tide", "wave", "wharf",
    ];

    /// <summary>A name that no container of the store has.</summary>
    public static async Task<string> NewAsync(ContainerHost host, CancellationToken cancellationToken)
    {
        var name = $"{Pick(Moods)}_{Pick(Places)}";
        var free = name;
        while (await host.FindContainerAsync(free, cancellationToken) is not null)
        {
            free = name + Random.Shared.Next(10, 1_000_000).ToString(CultureInfo.InvariantCulture);
        }

        return free;
    }

    private static string Pick(string[] words) => words[Random.Shared.Next(words.Length)];
}
