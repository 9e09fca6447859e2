using Cresset.Kernels;
using Cresset.Native;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Kernels over as many threads as libtorch is told to use, so that <c>set_num_threads</c> and OMP_NUM_THREADS hold for both.
/// </summary>
internal static class TensorWork
{
    private const long StreamFrom = 1 << 22;

    /// <summary>
    /// Whether so many float32 results (16 MiB and more) should be written past the caches: they would not stay there, and a plain store
    /// reads the old contents first. New memory that comes straight from the system is cleared page by page as it is touched, which leaves
    /// it in the caches: only memory that was used before gains.
    /// </summary>
    public static bool Streams(long elements, bool reused = false) => elements >= StreamFrom && (reused || NativeRuntime.Allocator.Tuned);

    /// <summary>Independent pieces of work, numbered from 0.</summary>
    public static void Each(long count, Action<long> work) => ForkJoin.Run(get_num_threads(), count, work);

    /// <summary>
    /// <paramref name="work"/>(start, count) over [0, total) in chunks of a fixed number of elements; <paramref name="weight"/> is the
    /// number of elements behind each unit.
    /// </summary>
    public static void Chunks(long total, Action<long, long> work, long weight = 1) =>
        ForkJoin.Chunks(get_num_threads(), total, work, weight);
}
