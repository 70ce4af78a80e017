namespace ContainerKit;

/// <summary>How an image lies outside the store.</summary>
public enum ImageArchiveFormat
{
    /// <summary>A tar file of an OCI image layout: what skopeo calls <c>oci-archive</c>.</summary>
    Oci,

    /// <summary>A directory that is an OCI image layout: what skopeo calls <c>oci</c>.</summary>
    OciDirectory,

    /// <summary>What <c>docker save</c> writes and <c>docker load</c> reads: skopeo's <c>docker-archive</c>.</summary>
    Docker,
}
