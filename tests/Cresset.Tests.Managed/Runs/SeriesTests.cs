using Cresset.Runs;
using CsCheck;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class SeriesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ChunksKeepEveryBit()
    {
        double[] special = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0,
            BitConverter.Int64BitsToDouble(0x7FF8000000000123)];
        var value = Gen.OneOf(Gen.Double, Gen.Float.Select(f => (double)f), Gen.Int[0, special.Length - 1].Select(i => special[i]));
        Gen.Select(Gen.Long, Gen.Long, value).Select(p => new SeriesPoint(p.Item1, p.Item2, p.Item3)).Array[0, ChunkCodec.Capacity].Sample(
            points =>
            {
                var back = ChunkCodec.DecodePoints(ChunkCodec.Encode(points, new ColumnWriter()));
                Assert.Equal(points.Select(Bits), back.Select(Bits));
            },
            iter: 200,
            threads: 1);

        static (long, long, long) Bits(SeriesPoint p) => (p.Step, p.WallTime, BitConverter.DoubleToInt64Bits(p.Value));
    }

    [Fact]
    public void DamagedChunksAreNamed()
    {
        var blob = ChunkCodec.Encode([new SeriesPoint(1, 2, 3.14)], new ColumnWriter());
        for (var length = 0; length < blob.Length; length++)
            Assert.Throws<InvalidDataException>(() => ChunkCodec.DecodePoints(blob.AsSpan(0, length)));
        Assert.Throws<InvalidDataException>(() => ChunkCodec.DecodePoints([9, 1, 2]));
        Assert.Throws<InvalidDataException>(() => ChunkCodec.DecodePoints([1, 255, 255, 255, 1]));
    }

    [Fact]
    public void EverySplitIntoCommitsGivesTheSamePyramid()
    {
        using var store = RunStore.Open(_folder.Path);
        Gen.Select(Gen.Int[1, 9000].Array[1, 4], Gen.Int[0, 1000], Gen.Bool).Sample(
            sample =>
            {
                var (parts, seed, reopen) = sample;
                var random = new System.Random(seed);
                var run = store.Begin("split", "test");
                var expected = new List<(long, double)>();
                foreach (var part in parts)
                {
                    for (var i = 0; i < part; i++)
                    {
                        var value = random.Next(50) switch
                        {
                            0 => double.NaN,
                            1 => double.PositiveInfinity,
                            _ => random.NextDouble() - 0.5,
                        };
                        expected.Add((expected.Count * 3, value));
                        run.Scalar("x", expected[^1].Item1, value);
                    }
                    run.Flush();
                    if (!reopen) continue;
                    run.Finish(RunStatus.Stopped);
                    run = store.Resume(run.Id);
                }
                run.Finish(RunStatus.Finished);
                Assert.Equal(expected, store.ReadSeries(run.Id, "x").Select(p => (p.Step, p.Value)));
                SeriesLaws.PyramidIsThatOfThePoints(store, run.Id, "x");
                store.Delete(run.Id);
            },
            iter: 8,
            threads: 1);
    }

    [Fact]
    public void AZoomHoldsThePointsOfItsRange()
    {
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin("zoom", "test");
        var values = new double[70_000];
        var random = new System.Random(2);
        for (var i = 0; i < values.Length; i++) run.Scalar("x", i, values[i] = random.NextDouble());
        run.Finish(RunStatus.Finished);
        foreach (var (from, to) in new[] { (0, 69_999), (1000, 1999), (33_333, 66_666), (69_900, 80_000), (500, 500) })
        {
            var last = Math.Min(to, values.Length - 1);
            var exact = values[from..(last + 1)];
            var buckets = store.ReadSeries(run.Id, "x", from, to, 1000);
            Assert.InRange(buckets.Count, Math.Min(1000, exact.Length), 1000);
            // Buckets at the ends may reach over the range by less than their own width.
            Assert.True(buckets[0].LastStep >= from && buckets[^1].FirstStep <= to);
            Assert.InRange(buckets.Sum(b => (long)b.Count), exact.Length, exact.Length + 64);
            Assert.True(buckets.Min(b => b.Min) <= exact.Min() && buckets.Max(b => b.Max) >= exact.Max());
        }
        Assert.Empty(store.ReadSeries(run.Id, "x", 70_000, 80_000, 10));
        Assert.Contains("Did you mean 'x'", Assert.Throws<ArgumentException>(() => store.ReadSeries(run.Id, "y")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void StepsThatDoNotRiseAreKeptAndCutRight()
    {
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin("wild", "test");
        var random = new System.Random(3);
        var steps = Enumerable.Range(0, 3000).Select(_ => (long)random.Next(-1000, 1000)).ToArray();
        for (var i = 0; i < steps.Length; i++) run.Scalar("x", steps[i], i);
        run.TruncateAfter(200);
        run.Finish(RunStatus.Finished);
        Assert.Equal(steps.Select((s, i) => (s, (double)i)).Where(p => p.s <= 200),
            store.ReadSeries(run.Id, "x").Select(p => (p.Step, p.Value)));
        SeriesLaws.PyramidIsThatOfThePoints(store, run.Id, "x");
    }

    [Fact]
    public void ManyThreadsMayRecord()
    {
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin("threads", "test");
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            for (var i = 0; i < 20_000; i++) run.Scalar($"t{thread}", i, thread + i);
        });
        run.Finish(RunStatus.Finished);
        for (var thread = 0; thread < 8; thread++)
        {
            Assert.Equal(Enumerable.Range(0, 20_000).Select(i => ((long)i, (double)(thread + i))),
                store.ReadSeries(run.Id, $"t{thread}").Select(p => (p.Step, p.Value)));
        }
    }
}
