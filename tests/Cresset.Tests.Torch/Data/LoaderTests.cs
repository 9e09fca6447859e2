using Cresset.Data;
using CsCheck;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

[LeakFree]
public sealed class LoaderTests
{
    [Fact]
    public void WorkersAndPrefetchDoNotChangeTheSequence()
    {
        var expected = Sequence(new LoaderOptions { BatchSize = 4, Seed = 9, Workers = 0 }, default, 30);
        foreach (var (workers, prefetch) in new[] { (1, 0), (1, 2), (2, 0), (5, 7) })
            Assert.Equal(expected,
                Sequence(new LoaderOptions { BatchSize = 4, Seed = 9, Workers = workers, Prefetch = prefetch }, default, 30));
    }

    [Fact]
    public void ResumingAnywhereGivesTheRestOfTheSequence()
        => Gen.Select(Gen.Int[1, 9], Gen.Int[0, 40], Gen.Bool, Gen.Int[0, 3]).Sample(
            (batchSize, skip, dropLast, workers) =>
            {
                var options = new LoaderOptions { BatchSize = batchSize, Seed = 3, DropLast = dropLast, Workers = workers };
                var whole = Sequence(options, default, skip + 10);
                using var data = Numbers();
                using var first = new Loader(data, options);
                for (var i = 0; i < skip; i++)
                {
                    using var batch = first.Next();
                }
                Assert.Equal(whole.Skip(skip), Sequence(options, first.Position, 10));
            },
            iter: 30,
            threads: 1);

    [Fact]
    public void EveryEpochIsAnotherOrderOfAllExamples()
    {
        var options = new LoaderOptions { BatchSize = 5, DropLast = false };
        var batches = Sequence(options, default, 10);
        var first = batches.Take(5).SelectMany(b => b).ToList();
        var second = batches.Skip(5).SelectMany(b => b).ToList();
        Assert.Equal(Enumerable.Range(0, 23).Select(i => (float)i), first.Order());
        Assert.Equal(first.Order(), second.Order());
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void EvaluationPassKeepsOrderAndTheSmallLastBatch()
    {
        using var data = Numbers();
        using var scope = NewDisposeScope();
        Assert.Equal([10L, 10, 3], Loader.Once(data, 10).Select(b => b.Size));
    }

    [Fact]
    public void TooFewExamplesAndWrongPositionAreRefused()
    {
        using var data = Numbers();
        Assert.Contains("fewer than one batch of 24",
            Assert.Throws<ArgumentException>(() => new Loader(data, new LoaderOptions { BatchSize = 24 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("outside an epoch of 2 batches",
            Assert.Throws<ArgumentException>(
                () => new Loader(data, new LoaderOptions { BatchSize = 10 }, new LoaderPosition(0, 5))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AWorkersErrorReachesTheCaller()
    {
        using var loader = new Loader(new Failing(), new LoaderOptions { BatchSize = 1, Workers = 2 });
        Assert.Contains("broken example", Assert.Throws<InvalidDataException>(() => loader.Next()).Message, StringComparison.Ordinal);
    }

    private static List<float[]> Sequence(LoaderOptions options, LoaderPosition position, int count)
    {
        using var data = Numbers();
        using var loader = new Loader(data, options, position);
        var result = new List<float[]>();
        for (var i = 0; i < count; i++)
        {
            using var batch = loader.Next();
            result.Add(batch.Inputs.data<float>().ToArray());
        }
        return result;
    }

    private static TensorDataset Numbers() => new(arange(23, dtype: ScalarType.Float32));

    private sealed class Failing : IDataset
    {
        public int Count => 10;

        public IPreparedBatch Prepare(BatchRequest request) => throw new InvalidDataException("broken example");
    }
}
