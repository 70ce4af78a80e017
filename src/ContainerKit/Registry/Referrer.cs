namespace ContainerKit;

/// <summary>Something that a registry keeps about an image: a signature, a list of what is in it, an attestation.</summary>
/// <param name="Descriptor">Its manifest, with what its maker noted about it.</param>
/// <param name="ArtifactType">What it is, such as <c>application/spdx+json</c>; empty when it does not say.</param>
public sealed record Referrer(Descriptor Descriptor, string ArtifactType);
