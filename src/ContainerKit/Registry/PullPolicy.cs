namespace ContainerKit;

/// <summary>When an image that is called by its name is fetched from its registry.</summary>
public enum PullPolicy
{
    /// <summary>Never: an image that is not in the store is an error.</summary>
    Never,

    /// <summary>When the store has none of that name.</summary>
    Missing,

    /// <summary>Each time; what the store has already is not fetched again.</summary>
    Always,
}
