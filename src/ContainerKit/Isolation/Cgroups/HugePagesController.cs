using System.Globalization;
using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>Huge pages, each size for itself.</summary>
[SupportedOSPlatform("linux")]
internal sealed class HugePagesController : CgroupController
{
    public override string Name => "hugetlb";

    public override bool IsAskedFor(ResourceLimits limits) => limits.HugePages is { Count: > 0 };

    public override void Apply(string directory, CgroupVersion version, ResourceLimits limits)
    {
        foreach (var (size, bytes) in limits.HugePages ?? new Dictionary<string, long>())
        {
            CgroupFile.Write(directory, $"hugetlb.{size}.{(version == CgroupVersion.V1 ? "limit_in_bytes" : "max")}", bytes.ToString(CultureInfo.InvariantCulture));
        }
    }
}
