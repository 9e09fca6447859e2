using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Independent pieces of work over libtorch's number of threads.</summary>
internal static class Items
{
    public static void Each(long count, Action<long> work)
    {
        var threads = get_num_threads();
        if (threads <= 1 || count <= 1)
        {
            for (long i = 0; i < count; i++) work(i);
            return;
        }
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
    }
}
