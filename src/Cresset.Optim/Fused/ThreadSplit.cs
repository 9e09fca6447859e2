using System.Runtime.ExceptionServices;

namespace Cresset.Optim;

/// <summary>
/// One fork and join over numbered units on the .NET thread pool, the caller working along. Units are taken dynamically, so a busy core costs
/// little. libtorch has a pool of its own; its threads sleep between operations, so the two do not compete during a step.
/// </summary>
internal static class ThreadSplit
{
    public static void Run(int threads, int units, Action<int> work)
    {
        threads = Math.Min(threads, units);
        if (threads <= 1)
        {
            for (var unit = 0; unit < units; unit++) work(unit);
            return;
        }
        var job = new Job(units, work);
        for (var t = 1; t < threads; t++) ThreadPool.UnsafeQueueUserWorkItem(job, preferLocal: false);
        job.Work();
        job.Join();
    }

    private sealed class Job(int units, Action<int> work) : IThreadPoolWorkItem
    {
        private int _next = -1;
        private int _finished;
        private Exception? _error;

        public void Execute() => Work();

        public void Work()
        {
            int unit;
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
