using Cresset.Distributed;

namespace Cresset.Tests.Managed.Distributed;

/// <summary>What holds for every communicator, whatever carries it and however many ranks it has; all ranks run it together.</summary>
internal static class RankSuite
{
    public static void Run(ICommunicator ranks)
    {
        Places(ranks);
        foreach (var count in (int[])[0, 1, 7, 1000, 300_001]) Reductions(ranks, count);
        SumsUnderWay(ranks);
        Broadcasts(ranks);
        Gathers(ranks);
        Votes(ranks);
        for (var i = 0; i < 100; i++) ranks.Barrier();
    }

    private static void Places(ICommunicator ranks)
    {
        Must(ranks.Rank >= 0 && ranks.Rank < ranks.Size, "rank");
        Must(ranks.LocalRank >= 0 && ranks.LocalRank < ranks.LocalSize && ranks.LocalSize <= ranks.Size, "local rank");
        // All ranks of these tests are on one host.
        Must(ranks.LocalSize == ranks.Size && ranks.LocalRank == ranks.Rank, "one host");
        var seen = ranks.Gather([(byte)ranks.Rank]);
        Must(seen.Count == ranks.Size && seen.Select((part, rank) => part is [var r] && r == rank).All(same => same), "order of ranks");
    }

    private static void Reductions(ICommunicator ranks, int count)
    {
        var (small, large) = (new float[count], new double[count]);
        for (var i = 0; i < count; i++) (small[i], large[i]) = (Value(i, ranks.Rank), Value(i, ranks.Rank) / 3.0);
        var most = (float[])small.Clone();
        ranks.AllReduce(small);
        ranks.AllReduce(large);
        ranks.AllReduce(most, Reduction.Max);
        for (var i = 0; i < count; i++)
        {
            var all = Enumerable.Range(0, ranks.Size).Select(rank => Value(i, rank)).ToList();
            // Whole numbers have one sum, in whatever order.
            Must(small[i] == all.Sum(), $"sum {i} of {count}");
            Must(Math.Abs(large[i] - all.Sum(v => v / 3.0)) <= 1e-12 * (1 + Math.Abs(large[i])), $"double sum {i} of {count}");
            Must(most[i] == all.Max(), $"maximum {i} of {count}");
        }
        Must(ranks.Differing(
            Convert.ToHexString(
                System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(large.AsSpan()))))
                is null, "the same bits everywhere");
    }

    // Several at once, with other calls between, poked by some ranks alone.
    private static void SumsUnderWay(ICommunicator ranks)
    {
        int[] counts = [1, 262_144, 0, 2, 3, 1000, 300_001];
        var values = counts.Select(count => Enumerable.Range(0, count).Select(i => Value(i, ranks.Rank)).ToArray()).ToList();
        var sums = values.ConvertAll(v => ranks.StartSum(v));
        if (ranks.Rank % 2 == 0) sums.ForEach(s => s.Poke());
        Must(ranks.BroadcastText("between") == "between", "a broadcast between");
        sums.Reverse();
        sums.ForEach(s => s.Wait());
        Must(sums.TrueForAll(s => s.Poke()), "done is done");
        foreach (var v in values)
        {
            for (var i = 0; i < v.Length; i++)
                Must(v[i] == Enumerable.Range(0, ranks.Size).Sum(rank => Value(i, rank)), $"sum under way {i} of {v.Length}");
        }
    }

    private static void Broadcasts(ICommunicator ranks)
    {
        for (var root = 0; root < ranks.Size; root++)
        {
            foreach (var count in (int[])[0, 1, 100_000])
            {
                var expected = new byte[count];
                new System.Random(root).NextBytes(expected);
                var bytes = ranks.Rank == root ? (byte[])expected.Clone() : new byte[count];
                ranks.Broadcast(bytes, root);
                Must(bytes.AsSpan().SequenceEqual(expected), $"broadcast of {count} by {root}");
            }
            Must(ranks.BroadcastText(ranks.Rank == root ? $"Ω from {root}" : null, root) == $"Ω from {root}", "broadcast of a text");
        }
        var refused = false;
        try
        {
            ranks.Broadcast(new byte[1], ranks.Size);
        }
        catch (ArgumentOutOfRangeException)
        {
            refused = true;
        }
        Must(refused, "a root that is not a rank");
    }

    private static void Gathers(ICommunicator ranks)
    {
        foreach (var length in (Func<int, int>[])[rank => rank * 3, rank => 0, rank => rank == ranks.Size - 1 ? 200_000 : 0, rank => 5])
        {
            var all = ranks.Gather(Bytes(ranks.Rank, length(ranks.Rank)));
            Must(all.Count == ranks.Size, "parts");
            for (var rank = 0; rank < ranks.Size; rank++)
                Must(all[rank].AsSpan().SequenceEqual(Bytes(rank, length(rank))), $"part of {rank}");
        }
    }

    private static void Votes(ICommunicator ranks)
    {
        Must(!ranks.Any(false) && ranks.Any(true) && ranks.Any(ranks.Rank == ranks.Size - 1), "votes");
        var others = ranks.Differing(ranks.Rank == 0 ? "a" : ranks.Rank == 1 ? "a" : "b");
        Must(ranks.Size <= 2 ? others is null : others!.SequenceEqual(Enumerable.Range(2, ranks.Size - 2)), "who differs");
    }

    private static float Value(int index, int rank) => ((index * 31) + (rank * 17)) % 1001 - 500;

    private static byte[] Bytes(int rank, int length)
    {
        var bytes = new byte[length];
        new System.Random(1000 + rank).NextBytes(bytes);
        return bytes;
    }

    private static void Must(bool holds, string what)
    {
        if (!holds) throw new InvalidOperationException($"does not hold: {what}");
    }
}
