using System.Diagnostics;
using System.Globalization;
using Cresset.Distributed;

namespace Cresset.Benchmarks.Training;

/// <summary>
/// Sums over the ranks by size, waited for at once and begun in buckets of 1 MiB: latency and bandwidth for the cost model. Started by
/// mpirun.
/// </summary>
internal static class RankMessages
{
    private const int Bucket = 1 << 18;

    public static int Run(string[] args)
    {
        using var ranks = Communicator.Open();
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 30;
        foreach (var bytes in (int[])[1_000, 64_000, 1 << 20, 4 << 20, 16 << 20])
        {
            var values = GC.AllocateArray<float>(bytes / sizeof(float), pinned: true);
            var (waited, begun) = (new List<double>(), new List<double>());
            for (var round = -3; round < rounds; round++)
            {
                var first = Time(ranks, () => ranks.AllReduce(values));
                var second = Time(ranks, () => InBuckets(ranks, values));
                if (round < 0) continue;
                waited.Add(first);
                begun.Add(second);
            }
            if (ranks.Rank == 0)
            {
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{bytes,9} bytes: waited for {waited.Min() * 1e3:0.000} ms at best, {Median(waited) * 1e3:0.000} in the middle "
                        + $"({bytes / waited.Min() / 1e9:0.00} GB/s); begun in buckets {begun.Min() * 1e3:0.000} and "
                        + $"{Median(begun) * 1e3:0.000} ms"));
            }
        }
        return 0;
    }

    private static void InBuckets(ICommunicator ranks, float[] values)
    {
        var sums = new List<IReductionUnderWay>();
        for (var at = 0; at < values.Length; at += Bucket)
            sums.Add(ranks.StartSum(values.AsMemory(at, Math.Min(Bucket, values.Length - at))));
        sums.ForEach(s => s.Wait());
    }

    private static double Time(ICommunicator ranks, Action work)
    {
        ranks.Barrier();
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
