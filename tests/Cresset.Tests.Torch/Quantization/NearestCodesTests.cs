using Cresset.Quantization;
using CsCheck;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public class NearestCodesTests
{
    private static readonly Gen<(float[] Vectors, float[] Codes, int Width)> Cases =
        from width in Gen.Int[1, 70]
        from rows in Gen.Int[1, 300]
        from codes in Gen.Int[1, 90]
        from grid in Gen.Int[1, 3]
        from seed in Gen.Int
        select Make(width, rows, codes, grid, seed);

    // Points of a coarse grid: exact ties are common.
    private static (float[] Vectors, float[] Codes, int Width) Make(int width, int rows, int codes, int grid, int seed)
    {
        var random = new Random(seed);
        float[] Fill(int n) => [.. Enumerable.Range(0, n).Select(_ => (float)random.Next(-grid, grid + 1))];
        return (Fill(rows * width), Fill(codes * width), width);
    }

    private static int[] Direct(float[] vectors, float[] codes, int width, CodeMetric metric)
    {
        var indices = new int[vectors.Length / width];
        for (var i = 0; i < indices.Length; i++)
        {
            var best = double.PositiveInfinity;
            for (var k = 0; k < codes.Length / width; k++)
            {
                var cost = 0.0;
                for (var d = 0; d < width; d++)
                {
                    double z = vectors[(i * width) + d], c = codes[(k * width) + d];
                    cost += metric == CodeMetric.Euclidean ? (z - c) * (z - c) : -z * c;
                }
                if (cost < best) (best, indices[i]) = (cost, k);
            }
        }
        return indices;
    }

    [Theory]
    [InlineData(CodeMetric.Euclidean, 16)]
    [InlineData(CodeMetric.Euclidean, 8)]
    [InlineData(CodeMetric.InnerProduct, 16)]
    [InlineData(CodeMetric.InnerProduct, 8)]
    public void IsTheFloat64SearchWithTheLowestIndexOnTies(CodeMetric metric, int lanes)
        => Cases.Sample(
            c =>
            {
                var found = new int[c.Vectors.Length / c.Width];
                NearestCodes.Find(c.Vectors, c.Codes, c.Width, found, metric, 1, lanes);
                Assert.Equal(Direct(c.Vectors, c.Codes, c.Width, metric), found);
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void RandomVectorsAgreeWithFloat64AtAnyThreadCount()
    {
        var random = new Random(3);
        float[] Fill(int n) => [.. Enumerable.Range(0, n).Select(_ => (float)(random.NextDouble() - random.NextDouble()))];
        float[] vectors = Fill(2000 * 24), codes = Fill(257 * 24);
        var expected = Direct(vectors, codes, 24, CodeMetric.Euclidean);
        foreach (var threads in new[] { 0, 1, 2, 7 })
        {
            var found = new int[2000];
            NearestCodes.Find(vectors, codes, 24, found, threads: threads);
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public void FollowsAPermutationOfTheCodes()
    {
        var random = new Random(5);
        float[] Fill(int n) => [.. Enumerable.Range(0, n).Select(_ => (float)random.NextDouble())];
        float[] vectors = Fill(500 * 8), codes = Fill(64 * 8);
        var order = Enumerable.Range(0, 64).ToArray();
        random.Shuffle(order);
        var permuted = order.SelectMany(k => codes.AsSpan(k * 8, 8).ToArray()).ToArray();
        int[] plain = new int[500], moved = new int[500];
        NearestCodes.Find(vectors, codes, 8, plain);
        NearestCodes.Find(vectors, permuted, 8, moved);
        Assert.Equal(plain, moved.Select(k => order[k]));
    }

    [Fact]
    public void VectorsThatAreNotFiniteGetNoCodeAndDoNotDisturbTheirNeighbours()
    {
        float[] vectors = [0, 0, float.NaN, 0, 1, 1, float.PositiveInfinity, 2, 3e30f, 3e30f];
        float[] codes = [0, 0, 1, 1];
        var found = new int[5];
        Assert.Equal(2, NearestCodes.Find(vectors, codes, 2, found));
        // The last vector is finite; seen from it both codes are equally far even in float64, so the lower index wins.
        Assert.Equal([0, -1, 1, -1, 0], found);
    }

    [Fact]
    public void ACodebookFarFromTheOriginLosesNoDigit()
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("assign");
        var found = CodeSearch.Nearest(file.Read("far.z"), file.Read("far.codebook"), CodeMetric.Euclidean);
        Golden.Same(file.Read("far.indices"), found, "far");
        var chunked = CodeSearch.Chunked(file.Read("far.z"), file.Read("far.codebook"), CodeMetric.Euclidean);
        Golden.Same(file.Read("far.indices"), chunked, "far, chunked on the device");
    }

    [Fact]
    public void TheDevicePathAgreesWithTheKernel()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        Tensor rows = randn([3000, 20], generator: generator), codes = randn([300, 20], generator: generator);
        foreach (var metric in Enum.GetValues<CodeMetric>())
            Golden.Same(CodeSearch.Nearest(rows, codes, metric), CodeSearch.Chunked(rows, codes, metric), metric.ToString());
    }

    [Fact]
    public void ADamagedCodebookAndLengthsThatDoNotFitAreRefused()
    {
        var found = new int[1];
        Assert.Contains("Code 1",
            Assert.Throws<ArgumentException>(() => NearestCodes.Find([0, 0], [0, 0, float.NaN, 0], 2, found)).Message);
        Assert.Throws<ArgumentException>(() => NearestCodes.Find([0, 0, 0], [0, 0], 2, found));
        Assert.Throws<ArgumentException>(() => NearestCodes.Find([0, 0], [], 2, found));
        Assert.Throws<ArgumentException>(() => NearestCodes.Find([0, 0, 1, 1], [0, 0], 2, found));
    }

    [Fact]
    public void SegmentSumsAreTheSumsByCodeAtAnyThreadCount()
        => Gen.Select(Gen.Int[1, 20], Gen.Int[1, 4000], Gen.Int[1, 40], Gen.Int).Sample(
            (width, rows, codes, seed) =>
            {
                var random = new Random(seed);
                float[] vectors = [.. Enumerable.Range(0, rows * width).Select(_ => random.NextSingle())];
                int[] indices = [.. Enumerable.Range(0, rows).Select(_ => random.Next(-1, codes))];
                var expected = new double[codes * width];
                for (var i = 0; i < rows; i++)
                {
                    for (var d = 0; d < width && indices[i] >= 0; d++) expected[(indices[i] * width) + d] += vectors[(i * width) + d];
                }
                float[] counts = new float[codes], sums = new float[codes * width], again = new float[codes * width];
                SegmentSums.Add(vectors, indices, width, counts, sums);
                SegmentSums.Add(vectors, indices, width, counts, again, threads: 1);
                Assert.Equal(expected.Select(v => (float)v), sums);
                Assert.Equal(sums, again);
                for (var k = 0; k < codes; k++) Assert.Equal(indices.Count(i => i == k), counts[k]);
            },
            iter: 40,
            threads: 1);

    [Fact]
    public void SegmentSumsNameThePositionOfABadIndex()
        => Assert.Contains("Index 7 at position 1",
            Assert.Throws<ArgumentException>(() => SegmentSums.Add([1, 2], [0, 7], 1, new float[3], new float[3])).Message);
}
