using System.Runtime.ExceptionServices;

namespace Cresset.Kernels;

/// <summary>
/// One fork and join over numbered units on the .NET thread pool, the caller working along. Units are taken dynamically, so a busy core
/// costs little. libtorch has a pool of its own; its threads sleep between operations, so the two do not compete during a step.
/// </summary>
internal static class ForkJoin
{
    private const long ChunkElements = 1 << 16;

    /// <summary>
    /// Runs <paramref name="work"/> on 0 to <paramref name="units"/> - 1 with at most <paramref name="threads"/> threads. The first
    /// exception of a unit ends the hand-out and reaches the caller.
    /// </summary>
    public static void Run(int threads, long units, Action<long> work)
    {
        threads = (int)Math.Min(threads, units);
        if (threads <= 1)
        {
            for (long unit = 0; unit < units; unit++) work(unit);
            return;
        }
        var job = new Job(units, work);
        for (var t = 1; t < threads; t++) ThreadPool.UnsafeQueueUserWorkItem(job, preferLocal: false);
        job.Work();
        job.Join();
    }

    /// <summary>
    /// Runs <paramref name="work"/>(start, count) over [0, total) in chunks of a fixed number of elements, whatever the threads: 64 K
    /// elements are a quarter of a second-level cache in float32, and long against a hand-out. <paramref name="weight"/> is the number of
    /// elements behind each unit.
    /// </summary>
    public static void Chunks(int threads, long total, Action<long, long> work, long weight = 1)
    {
        var size = Math.Max(1, ChunkElements / weight);
        var chunks = (total + size - 1) / size;
        if (chunks <= 1 || threads <= 1)
        {
            work(0, total);
            return;
        }
        Run(threads, chunks, c => work(c * size, Math.Min(size, total - (c * size))));
    }

    private sealed class Job(long units, Action<long> work) : IThreadPoolWorkItem
    {
        private long _next = -1;
        private long _finished;
        private Exception? _error;

        public void Execute() => Work();

        public void Work()
        {
            long unit;
            while ((unit = Interlocked.Increment(ref _next)) < units)
            {
                try
                {
                    if (_error is null) work(unit);
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref _error, e, null);
                }
                Interlocked.Increment(ref _finished);
            }
        }

        /// <summary>Waits for the units, not for the helpers: a helper that the pool starts late finds nothing to do.</summary>
        public void Join()
        {
            var spin = new SpinWait();
            while (Volatile.Read(ref _finished) < units) spin.SpinOnce(sleep1Threshold: -1);
            if (_error is not null) ExceptionDispatchInfo.Throw(_error);
        }
    }
}
