using System.Diagnostics;

namespace Cresset.Runs;

/// <summary>What a process takes of its machine, measured between one call and the next.</summary>
internal sealed class SystemFigures : IDisposable
{
    private const double Megabyte = 1e6;
    private readonly Process _process = Process.GetCurrentProcess();
    private readonly GraphicsCards? _cards = GraphicsCards.Find(visible: Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES"));
    private TimeSpan _used;
    private long _at;

    public SystemFigures() => Begin();

    /// <summary>
    /// <c>system/processor_percent</c>: share of all cores that this process used since the last call; <c>system/memory_mb</c>: its
    /// resident memory;
    /// <c>system/machine_memory_percent</c>: how full the memory of the machine (or its container) is;
    /// and what <see cref="GraphicsCards.Take"/> says.
    /// </summary>
    public IEnumerable<(string Tag, double Value)> Take()
    {
        var (used, at) = (_used, _at);
        Begin();
        var elapsed = Stopwatch.GetElapsedTime(at, _at);
        if (elapsed > TimeSpan.Zero) yield return ("system/processor_percent", 100 * (_used - used) / elapsed / Environment.ProcessorCount);
        yield return ("system/memory_mb", _process.WorkingSet64 / Megabyte);
        var memory = GC.GetGCMemoryInfo(GCKind.Any);
        if (memory is { TotalAvailableMemoryBytes: > 0, MemoryLoadBytes: > 0 })
            yield return ("system/machine_memory_percent", 100.0 * memory.MemoryLoadBytes / memory.TotalAvailableMemoryBytes);
        foreach (var figure in _cards?.Take() ?? []) yield return figure;
    }

    public void Dispose()
    {
        _cards?.Dispose();
        _process.Dispose();
    }

    private void Begin()
    {
        _process.Refresh();
        (_used, _at) = (_process.TotalProcessorTime, Stopwatch.GetTimestamp());
    }
}
