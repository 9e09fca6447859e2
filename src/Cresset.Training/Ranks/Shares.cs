using System.Runtime.InteropServices;
using Cresset.Distributed;

namespace Cresset.Training;

/// <summary>Records that ranks computed in turns, put together again.</summary>
internal static class Shares
{
    /// <summary>Record i comes from rank i mod size; all of them in order, on every rank.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="own">This rank's records, computed as they are asked for.</param>
    /// <param name="cancellation">Stops the work of this rank; whoever is cancelled waits for the others, and then all throw.</param>
    public static IReadOnlyList<double[]> Gather(ICommunicator ranks, IEnumerable<double[]> own, CancellationToken cancellation)
    {
        // A mark for who was stopped, then each record after its length.
        List<double> packed = [0];
        foreach (var record in own)
        {
            packed.Add(record.Length);
            packed.AddRange(record);
            if (cancellation.IsCancellationRequested) break;
        }
        if (cancellation.IsCancellationRequested) packed[0] = 1;
        var parts = ranks.Gather(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(packed)))
            .Select(part => MemoryMarshal.Cast<byte, double>(part).ToArray()).ToList();
        if (parts.Any(part => part[0] > 0))
            throw new OperationCanceledException(cancellation.IsCancellationRequested ? cancellation : CancellationToken.None);
        var queues = parts.ConvertAll(part => Unpack(part[1..]));
        var all = new List<double[]>();
        for (var i = 0; queues[i % ranks.Size].TryDequeue(out var record); i++) all.Add(record);
        return all;
    }

    private static Queue<double[]> Unpack(double[] values)
    {
        var records = new Queue<double[]>();
        for (var at = 0; at < values.Length;)
        {
            var length = (int)values[at];
            records.Enqueue(values[(at + 1)..(at + 1 + length)]);
            at += 1 + length;
        }
        return records;
    }
}
