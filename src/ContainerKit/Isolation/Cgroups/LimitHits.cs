namespace ContainerKit.Isolation.Cgroups;

/// <summary>How often a group has met its limits since it was made.</summary>
/// <param name="Kills">Processes that the kernel has killed for want of memory.</param>
/// <param name="RefusedProcesses">Processes and threads that could not be started.</param>
internal readonly record struct LimitHits(long Kills, long RefusedProcesses);
