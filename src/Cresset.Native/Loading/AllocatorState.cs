namespace Cresset.Native;

/// <summary>What start-up did to the C allocator.</summary>
/// <param name="Tuned">True when at least one remedy is in force.</param>
/// <param name="HugePages">libtorch asks the kernel for huge pages for blocks of 2 MiB and more.</param>
/// <param name="MmapThresholdBytes">Blocks below this size stay with the process when freed; 0 when left alone.</param>
/// <param name="Reason">One sentence: what was done, or why nothing was.</param>
public sealed record AllocatorState(bool Tuned, bool HugePages, long MmapThresholdBytes, string Reason);
