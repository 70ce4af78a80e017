using System.Runtime.Versioning;

namespace ContainerKit.Isolation.Cgroups;

/// <summary>The control group of one container: a directory in each hierarchy that it needs. Disposing removes it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Cgroup : IDisposable
{
    /// <summary>The files that a process id is written to in order to join; none when the container has no group.</summary>
    public IReadOnlyList<string> ProcsFiles => throw new NotImplementedException();

    /// <summary>The limits that could not be applied, in sentences, when the caller said best effort.</summary>
    public IReadOnlyList<string> NotApplied => throw new NotImplementedException();

    /// <summary>Whether the kernel killed something in it for want of memory.</summary>
    public bool OutOfMemoryHappened => throw new NotImplementedException();

    /// <summary>Kills everything in it, and returns when nothing is left or <paramref name="patience"/> is over.</summary>
    public bool KillAll(TimeSpan patience) => throw new NotImplementedException();

    /// <summary>What it uses now.</summary>
    public ContainerStats ReadStatistics() => throw new NotImplementedException();

    /// <summary>Changes limits while processes run.</summary>
    public void Update(ResourceLimits limits) => throw new NotImplementedException();

    /// <summary>Stops every process in it, until thawed.</summary>
    public void Freeze() => throw new NotImplementedException();

    /// <summary>Lets it go on.</summary>
    public void Thaw() => throw new NotImplementedException();

    /// <summary>Removes it if nothing lives in it; bounded.</summary>
    public void Dispose()
    {
    }
}
