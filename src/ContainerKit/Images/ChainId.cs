using System.Text;

namespace ContainerKit.Images;

/// <summary>The name of a stack of layers, applied one on another. OCI image specification, config.md, "Layer ChainID".</summary>
internal static class ChainId
{
    /// <summary>The chain ID of the layers, the lowest first.</summary>
    /// <exception cref="ArgumentException">There are no layers: nothing names an empty stack.</exception>
    public static Digest Of(IEnumerable<Digest> diffIds) => All(diffIds) is [.., var last]
        ? last
        : throw new ArgumentException("A stack without layers has no chain ID.", nameof(diffIds));

    /// <summary>The chain IDs of every prefix of the stack: of the lowest layer alone, of the lowest two, and so on.</summary>
    public static IReadOnlyList<Digest> All(IEnumerable<Digest> diffIds)
    {
        var chain = new List<Digest>();
        foreach (var diffId in diffIds)
        {
            chain.Add(chain is [.., var below] ? Digest.Of(Encoding.ASCII.GetBytes($"{below} {diffId}")) : diffId);
        }

        return chain;
    }
}
