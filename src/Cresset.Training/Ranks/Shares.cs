using System.Runtime.InteropServices;
using Cresset.Distributed;

namespace Cresset.Training;

/// <summary>Records that ranks computed in turns, put together again.</summary>
internal static class Shares
{
    /// <summary>Record i comes from rank i mod size; all of them in order, on every rank.</summary>
    public static IReadOnlyList<double[]> Gather(ICommunicator ranks, IReadOnlyList<double[]> own)
    {
        // Each record after its length.
        var packed = new List<double>();
        foreach (var record in own)
        {
            packed.Add(record.Length);
            packed.AddRange(record);
        }
        var queues = ranks.Gather(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(packed))).Select(part => Unpack(MemoryMarshal.Cast<byte, double>(part).ToArray())).ToList();
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
