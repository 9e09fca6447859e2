using System.Text.Json;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class CodebookHealthTests
{
    [Fact]
    public void PooledPerplexityIsThatOfThePooledCounts()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Repository.Reference("vq/perplexity.json")));
        var root = json.RootElement;
        var pooled = new CodeUsage(root.GetProperty("K").GetInt64());
        var b = 0;
        foreach (var batch in root.GetProperty("batches").EnumerateArray())
        {
            var usage = new CodeUsage(pooled.Size);
            usage.Add([.. batch.EnumerateArray().Select(e => e.GetInt64())]);
            pooled.Add(usage);
            Assert.Equal(root.GetProperty("perplexity_per_batch")[b].GetDouble(), usage.Perplexity, 1e-9);
            Assert.Equal(root.GetProperty("used_per_batch")[b++].GetInt64(), usage.Used);
        }
        Assert.Equal(root.GetProperty("perplexity_pooled").GetDouble(), pooled.Perplexity, 1e-9);
        Assert.Equal(root.GetProperty("used_pooled").GetInt64(), pooled.Used);
        Assert.Equal(root.GetProperty("usage_pooled").GetDouble(), pooled.UsedShare, 1e-12);
        Assert.Equal(root.GetProperty("bits_entropy_pooled").GetDouble(), pooled.EntropyBits, 1e-9);
    }

    [Fact]
    public void PerplexityIs1ForOneCodeAndKForAllEqually()
    {
        var usage = new CodeUsage(50);
        usage.Add(3, 1000);
        Assert.Equal(1, usage.Perplexity, 1e-12);
        usage.Clear();
        for (var k = 0; k < 50; k++) usage.Add(k, 4);
        Assert.Equal(50, usage.Perplexity, 1e-9);
        var sparse = new CodeUsage(1L << 60);
        sparse.Add(1L << 59);
        Assert.Equal(1, sparse.Used);
        Assert.Throws<ArgumentOutOfRangeException>(() => sparse.Add(1L << 60));
    }

    [Fact]
    public void ACollapsingCodebookIsReportedWithin100StepsWithWhatMendsItAndTheDefaultDoesNotCollapse()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        // Data around 4 places seen by 64 codes, all of which start far away: without restart a handful wins everything.
        var places = randn([4, 8], generator: generator) * 3;
        using var collapsing = new VectorQuantizer(
            new() { Codebook = new() { Size = 64, Width = 8, RestartShare = 0, KMeansIterations = 0 } });
        using var healthy = new VectorQuantizer(new() { Codebook = new() { Size = 64, Width = 8 } });
        List<string> warnings = [], none = [];
        for (var step = 0; step < 100; step++)
        {
            using var inner = NewDisposeScope();
            var rows = places.index_select(0, randint(0, 4, [512], dtype: ScalarType.Int64, generator: generator))
                + (0.5 * randn([512, 8], generator: generator));
            warnings.AddRange(collapsing.call(rows).Statistics.Warnings);
            none.AddRange(healthy.call(rows).Statistics.Warnings);
        }
        Assert.NotEmpty(warnings);
        Assert.Contains("RestartShare = 0.2", warnings[0]);
        Assert.Contains("of 64 codes", warnings[0]);
        Assert.Empty(none);
    }

    [Fact]
    public void KMeansKeepsCentresNobodyChoseAndFindsTheMeans()
    {
        using var scope = NewDisposeScope();
        var data = tensor(new float[] { 0, 1, 10, 11 }, [4, 1]);
        var (centres, counts) = KMeans.Lloyd(data, tensor(new float[] { 2, 9, 100 }, [3, 1]));
        Golden.Near(tensor(new float[] { 0.5f, 10.5f, 100 }, [3, 1]), centres, 1e-6, "centres");
        Golden.Same(tensor(new float[] { 2, 2, 0 }), counts, "counts");
    }

    [Fact]
    public void OrthogonalityIsZeroForOrthogonalCodesAndGreatestForEqualOnes()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0, CodebookPenalties.Orthogonality(eye(5) * 3).ToDouble(), 1e-6);
        Assert.Equal(1 - 0.25, CodebookPenalties.Orthogonality(ones(4, 3)).ToDouble(), 1e-6);
        using var generator = new Generator(3);
        var codes = randn([9, 4], generator: generator);
        var unit = codes / codes.norm(1, true);
        Golden.Near((unit.matmul(unit.t()).square().sum() / 81) - (1.0 / 9), CodebookPenalties.Orthogonality(codes), 1e-6, "random");
    }

    [Fact]
    public void DistancesAreCountedInBins()
    {
        using var scope = NewDisposeScope();
        var histogram = DistanceHistogram.Of(tensor(new float[] { 0, 1, 2, 4 }, [4, 1]), zeros(4, 1), bins: 4);
        Assert.Equal([1L, 1, 1, 1], histogram.Counts);
        Assert.Equal(4, histogram.Greatest);
        Assert.Equal(1.75, histogram.Mean);
    }
}
