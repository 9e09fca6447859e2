using System.Text.Json;
using Cresset.Data;
using Cresset.Distributed;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

/// <summary>Training over ranks has the bits of one process that computes the same parts of a batch one after the other.</summary>
public sealed class RankTrainingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-ranks-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TwoRanksEqualOneProcessOfTwoParts()
    {
        var (mlp, cnn, bn, both) = ("mlp 12 1 -", "cnn 12 1 -", "bn 12 1 -", "mlp 12 2 -");
        var found = Ranks(2, mlp, cnn, bn, both, "mlp+after 12 1 -", "cnn+after 12 1 -", "bn+sync 6 1 -");
        Assert.Equal(RankTraining.Run("mlp 12 2 -", OneProcess.Instance), found[mlp]);
        Assert.Equal(RankTraining.Run("cnn 12 2 -", OneProcess.Instance), found[cnn]);
        // Whether gradients set out during backward or after it does not matter.
        Assert.Equal(found[mlp], found["mlp+after 12 1 -"]);
        Assert.Equal(found[cnn], found["cnn+after 12 1 -"]);
        // Batch statistics of all ranks are those of a whole batch; of each part by itself they are not.
        Near(RankTraining.Run("bn 6 1 -", OneProcess.Instance), found["bn+sync 6 1 -"], 5e-6);
        Assert.NotEqual(found["bn+sync 6 1 -"].Split(' ')[3], RankTraining.Run("bn 6 2 -", OneProcess.Instance).Split(' ')[3]);
        // Two parts on each of two ranks, (0 + 2) + (1 + 3), and four in a row.
        Near(RankTraining.Run("mlp 12 4 -", OneProcess.Instance), found[both]);
    }

    [Fact]
    public void FourRanksComeNearOneProcessOfFourParts()
    {
        var (mlp, cnn) = ("mlp 6 1 -", "cnn 6 1 -");
        var found = Ranks(4, mlp, cnn, "mlp+after 6 1 -", "bn+sync 6 1 -");
        Near(RankTraining.Run("mlp 6 4 -", OneProcess.Instance), found[mlp]);
        Near(RankTraining.Run("cnn 6 4 -", OneProcess.Instance), found[cnn]);
        Near(RankTraining.Run("bn 6 1 -", OneProcess.Instance), found["bn+sync 6 1 -"], 5e-6);
        // Open MPI adds up small buckets in pairs.
        Assert.Equal(RankTraining.Run("mlp+pairs 6 4 -", OneProcess.Instance), found["mlp+after 6 1 -"]);
        Assert.Equal(RankTraining.Run("mlp+pairs 6 4 -", OneProcess.Instance), found[mlp]);
        Assert.Equal(RankTraining.Run("cnn+pairs 6 4 -", OneProcess.Instance), found[cnn]);
    }

    [Fact]
    public void GradientsThatChangeAfterTheySetOutAreAddedUpAgain()
    {
        var found = Ranks(2, "tied 8 1 -", "tied+after 8 1 -");
        Assert.Equal(found["tied+after 8 1 -"], found["tied 8 1 -"]);
    }

    [Fact]
    public void ACheckpointGoesOnWithAnotherNumberOfRanks()
    {
        // Seven steps in one process of two parts, the rest on two ranks, and the other way round: the bits of a whole run either way.
        var whole = RankTraining.Run("mlp 12 2 -", OneProcess.Instance);
        var (alone, together) = (Path.Combine(_folder, "alone"), Path.Combine(_folder, "together"));
        RankTraining.Run($"mlp 7 2 {alone}", OneProcess.Instance);
        var found = Ranks(2, $"mlp 12 1 {alone}", $"mlp 7 1 {together}");
        Assert.Equal(whole, found[$"mlp 12 1 {alone}"]);
        Assert.Equal(whole, RankTraining.Run($"mlp 12 2 {together}", OneProcess.Instance));
    }

    [Theory]
    [InlineData("other-data 3 1 -", "learns from other data than rank 0: 99 examples there, 100 at rank 0")]
    [InlineData("drift 101 1 -", "After step 100 the weights of rank 1 are no longer those of rank 0")]
    [InlineData("mlp 3 1 - 25", "trainer.batch_size is 25, which 2 ranks cannot share evenly; allowed: a multiple of 2, such as 26")]
    public void WhatRanksCannotDoTogetherIsRefused(string line, string said)
    {
        Assert.SkipWhen(MpiRun.OpenMpi is null, MpiRun.Missing);
        var (code, _, errors) = Start(2, line);
        Assert.NotEqual(0, code);
        Assert.Contains(said, errors, StringComparison.Ordinal);
    }

    /// <summary>
    /// Rows of PyTorch's own DistributedSampler, less those where it repeats examples to fill up: training leaves an incomplete batch out.
    /// </summary>
    [Fact]
    public void ExamplesAreSharedOutAsPyTorchDoes()
    {
        using var reference = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(Repository.Root, "tests", "References", "training-dashboard", "distributed_sampler.json")));
        foreach (var row in reference.RootElement.EnumerateArray()
            .Where(r => r.GetProperty("n").GetInt32() >= r.GetProperty("world").GetInt32())
            .Where(r => r.GetProperty("drop_last").GetBoolean() || r.GetProperty("n").GetInt32() % r.GetProperty("world").GetInt32() == 0))
        {
            var (count, world, epoch) = (row.GetProperty("n").GetInt32(), row.GetProperty("world").GetInt32(),
                row.GetProperty("epoch").GetInt32());
            var ranks = row.GetProperty("ranks").EnumerateArray().Select(r => r.EnumerateArray().Select(i => i.GetInt32()).ToArray())
                .ToList();
            for (var rank = 0; rank < world; rank++)
            {
                var data = new Indices(count);
                var options = new LoaderOptions
                {
                    BatchSize = world,
                    Parts = world,
                    Rank = rank,
                    Ranks = world,
                    Shuffle = row.GetProperty("shuffle").GetBoolean(),
                    Seed = row.GetProperty("seed").GetUInt64(),
                    Workers = 0
                };
                using var loader = new Loader(data, options, new LoaderPosition(epoch, 0));
                for (var i = 0; i < ranks[rank].Length; i++) loader.Next().Dispose();
                Assert.Equal(ranks[rank], data.Seen);
            }
        }
    }

    [Fact]
    public void PartsTogetherAreTheBatch()
    {
        var whole = new Indices(50);
        using (var loader = new Loader(whole, new LoaderOptions { BatchSize = 12, Seed = 4, Workers = 0 }))
            for (var i = 0; i < 9; i++) loader.Next().Dispose();
        foreach (var (parts, ranks) in new[] { (2, 1), (2, 2), (4, 2), (6, 3), (12, 1) })
        {
            var shares = Enumerable.Range(0, ranks).Select(rank =>
            {
                var data = new Indices(50);
                using var loader = new Loader(data,
                    new LoaderOptions { BatchSize = 12, Seed = 4, Parts = parts, Ranks = ranks, Rank = rank, Workers = 0 });
                for (var i = 0; i < 9 * parts / ranks; i++) loader.Next().Dispose();
                Assert.Equal(new LoaderPosition(2, 1), loader.Position);
                return data.Seen;
            }).ToList();
            for (var batch = 0; batch < 9; batch++)
            {
                var expected = whole.Seen.Skip(batch * 12).Take(12).Order();
                Assert.Equal(expected, shares.SelectMany(s => s.Skip(batch * 12 / ranks).Take(12 / ranks)).Order());
            }
        }
    }

    private static Dictionary<string, string> Ranks(int ranks, params string[] lines)
    {
        Assert.SkipWhen(MpiRun.OpenMpi is null, MpiRun.Missing);
        var (code, output, errors) = Start(ranks, string.Join(';', lines));
        Assert.True(code == 0, $"exit {code}: {errors}");
        return output.Split('\n').Where(line => line.Contains(" => ", StringComparison.Ordinal)).Select(line => line.Trim().Split(" => "))
            .ToDictionary(parts => parts[0][parts[0].IndexOfAny(['m', 'c', 'o', 'b', 't'])..], parts => parts[1]);
    }

    private static (int Code, string Output, string Errors) Start(int ranks, string lines)
        => MpiRun.Run(MpiRun.OpenMpi!, ranks, [Environment.ProcessPath!],
            new Dictionary<string, string> { [RankTraining.Variable] = lines });

    // The order in which more than two gradients are added up is the library's. A whole batch's own kernel of batch normalisation rounds
    // otherwise than sums over ranks, which Adam's division by small roots enlarges.
    private static void Near(string expected, string found, double within = 1e-6)
    {
        var (first, second) = (expected.Split(' '), found.Split(' '));
        for (var i = 1; i < 4; i++)
            Assert.Equal(double.Parse(first[i], System.Globalization.CultureInfo.InvariantCulture),
                double.Parse(second[i], System.Globalization.CultureInfo.InvariantCulture), 1e-6);
        var (expectedWeights, foundWeights) = (Weights(first[4]), Weights(second[4]));
        Assert.Equal(expectedWeights.Length, foundWeights.Length);
        Assert.InRange(expectedWeights.Zip(foundWeights).Max(w => Math.Abs(w.First - w.Second)), 0, within);
    }

    private static float[] Weights(string text) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(Convert.FromBase64String(text)).ToArray();

    private sealed class Indices(int count) : IDataset
    {
        public List<int> Seen { get; } = [];

        public int Count => count;

        public IPreparedBatch Prepare(BatchRequest request)
        {
            lock (Seen) Seen.AddRange(request.Indices);
            return new Empty();
        }

        private sealed class Empty : IPreparedBatch
        {
            public Batch ToBatch() => new(zeros(1));
        }
    }
}
