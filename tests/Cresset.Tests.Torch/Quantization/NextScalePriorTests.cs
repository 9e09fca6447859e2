using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>
/// What makes a prior a prior, for one whose maps are rows of the codes of scales; and its logits beside those of a plain script.
/// </summary>
[LeakFree]
public class NextScalePriorTests
{
    private const int Length = 14;

    private static NextScaleTransformer Make(int codes = 5, int classes = 3, params int[] scales)
    {
        using var generator = new Generator(7);
        var prior = new NextScaleTransformer(
            new()
            {
                CodebookSize = codes,
                Classes = classes,
                Scales = scales.Length == 0 ? [1, 2, 3] : scales,
                Width = 8,
                Heads = 2
            }, generator);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var parameter in prior.parameters()) parameter.add_(randn(parameter.shape, generator: generator).mul_(0.3));
        prior.eval();
        return prior;
    }

    private static (Tensor Codes, Tensor Labels) Data(int batch, int seed = 1)
    {
        using var generator = new Generator((ulong)seed);
        return (randint(0, 5, [batch, 1, Length], dtype: ScalarType.Int64, generator: generator),
            randint(0, 3, [batch], dtype: ScalarType.Int64, generator: generator));
    }

    private static int ScaleOf(int place) => place == 0 ? 0 : place < 5 ? 1 : 2;

    [Fact]
    public void LogitsAreThoseOfAPlainScript()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var file = Golden.Open("next_scale");
        using var prior = new NextScaleTransformer(
            new() { CodebookSize = 7, Classes = 3, Scales = [1, 2, 3], Width = 8, Layers = 2, Heads = 2 });
        foreach (var (key, value) in prior.state_dict()) value.copy_(file.Read($"net.{key}"));
        prior.eval();
        var (codes, labels) = (file.Read("net.codes").unsqueeze(1), file.Read("net.labels"));
        Golden.Near(file.Read("net.logits").unsqueeze(2), prior.call(codes, labels), 1e-4, "logits");
        Golden.Near(file.Read("net.nll").unsqueeze(1), prior.NegativeLogLikelihood(codes, labels), 1e-4, "nats");
    }

    [Fact]
    public void ACodeIsSeenByFinerScalesAndByNoOther()
    {
        using var outer = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = Make();
        var (codes, labels) = Data(1);
        var before = prior.call(codes, labels).reshape(5, Length);
        for (var p = 0; p < Length; p++)
        {
            using var scope = NewDisposeScope();
            var changed = codes.clone();
            changed[0, 0, p] = (codes[0, 0, p] + 1).remainder(5);
            var moved = (prior.call(changed, labels).reshape(5, Length) - before).abs().amax(0);
            for (var q = 0; q < Length; q++)
                Assert.True(ScaleOf(q) > ScaleOf(p) ? moved[q].ToDouble() > 1e-6 : moved[q].ToDouble() == 0, $"{p} to {q}");
        }
    }

    [Fact]
    public void ASessionAndFixedOrderGiveTheLogitsOfTheFullPass()
    {
        using var outer = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var classes in new[] { 0, 3 })
        {
            foreach (var scales in new int[][] { [1, 2, 3], [2, 3, 4], [3] })
            {
                using var scope = NewDisposeScope();
                using var prior = Make(5, classes, scales);
                var length = scales.Sum(side => side * side);
                using var generator = new Generator(4);
                var codes = randint(0, 5, [3, 1, length], dtype: ScalarType.Int64, generator: generator);
                var labels = classes == 0 ? null : tensor(new[] { 2L, 0, 1 });
                var full = prior.call(codes, labels);
                using var session = prior.Begin(3, 1, length, labels);
                var exact = prior.Exact();
                var together = exact.Begin(3, 1, length, classes == 0 ? [] : [2, 0, 1]);
                var alone = exact.Begin(1, 1, length, classes == 0 ? [] : [0]);
                for (var p = 0; p < length; p++)
                {
                    together.Compute(0, p);
                    alone.Compute(0, p);
                    Golden.Near(full.select(3, p).select(2, 0), session.Next(), 1e-4, $"session, {p}");
                    Golden.Near(full.select(3, p).select(2, 0), tensor(together.Logits, [3, 5]), 2e-4, $"fixed order, {p}");
                    Assert.Equal(together.Logits.AsSpan(5, 5).ToArray().Select(BitConverter.SingleToInt32Bits),
                        alone.Logits.Select(BitConverter.SingleToInt32Bits));
                    long[] next = [codes[0, 0, p].ToInt64(), codes[1, 0, p].ToInt64(), codes[2, 0, p].ToInt64()];
                    session.Accept(next);
                    together.Accept(0, p, next);
                    alone.Accept(0, p, [next[1]]);
                }
            }
        }
    }

    [Fact]
    public void ProbabilitiesOfAllMapsSumToOneAndLabelsMatter()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = Make(2, 3, 1, 2);
        var codes = tensor(Enumerable.Range(0, 32).SelectMany(i => Enumerable.Range(0, 5).Select(bit => (long)((i >> bit) & 1))).ToArray(),
            [32, 1, 5]);
        double Mass(long label) => prior.NegativeLogLikelihood(codes, full([32], label, dtype: ScalarType.Int64)).sum([1, 2]).neg().exp()
            .sum().ToDouble();
        Assert.Equal(1, Mass(0), 1e-5);
        Assert.Equal(1, Mass(2), 1e-5);
        using var labelled = Make();
        var (map, labels) = Data(1);
        Assert.True((labelled.call(map, full_like(labels, 0L)) - labelled.call(map, full_like(labels, 1L))).abs().max().ToDouble() > 1e-4);
        Assert.Contains("labels", Assert.Throws<ArgumentException>(() => labelled.call(map, null)).Message, StringComparison.Ordinal);
        Assert.Contains("[1, 14]", Assert.Throws<ArgumentException>(() => labelled.Sample(1, 1, 15, 1, labels)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void SamplesFollowSeedsBatchesGuidanceAndPrefixes()
    {
        using var scope = NewDisposeScope();
        using var prior = Make();
        var labels = tensor(new long[] { 0, 1, 2, 1 });
        var all = prior.Sample(4, 1, Length, seed: 9, labels);
        Golden.Same(all, prior.Sample(4, 1, Length, seed: 9, labels), "same seed");
        Golden.Same(all.narrow(0, 0, 2), prior.Sample(2, 1, Length, seed: 9, labels.narrow(0, 0, 2)), "smaller batch");
        Assert.False(all.eq(prior.Sample(4, 1, Length, seed: 10, labels)).all().ToBoolean());
        Golden.Same(all, prior.Sample(4, 1, Length, seed: 9, labels, prefix: all.narrow(2, 0, 7).squeeze(1)), "its own beginning");
        // Greedy and guided: scale by scale the greatest of c + 2 (c - u).
        var expected = zeros_like(all);
        var away = zeros_like(labels);
        using (no_grad())
        {
            foreach (var (first, count) in new[] { (0, 1), (1, 4), (5, 9) })
            {
                Tensor with = prior.call(expected, labels), without = prior.call(expected, away);
                expected.narrow(2, first, count).copy_((with + ((with - without) * 2)).argmax(1).narrow(2, first, count));
            }
        }
        Golden.Same(expected, prior.Sample(4, 1, Length, 1, labels, new() { Temperature = 0 }, guidance: 2, away: away), "guided");
        prior.to(ScalarType.Float64);
        using var session = prior.Begin(1, 1, Length, tensor(new[] { 1L }));
        Assert.Equal(ScalarType.Float64, session.Next().dtype);
    }

    [Fact]
    public void FilesOfScalesAreCodedByTheirPrior()
    {
        using var scope = NewDisposeScope();
        using var prior = Make(5, 3);
        var maps = prior.Sample(40, 1, Length, 3, full([40], 1L, dtype: ScalarType.Int64), new() { Temperature = 0.7 });
        var codes = maps.data<long>().ToArray();
        codes[17] = -1;
        using var stream = new MemoryStream();
        new PackedCodes([40, Length], [5], codes, "scales").Write(stream, new PriorCoder(prior));
        var packed = new PackedCodes([40, Length], [5], codes, "scales").PackedBytes;
        Assert.True(stream.Length < packed, $"{stream.Length} bytes, packed {packed}");
        Assert.Equal(codes, PackedCodes.Parse(stream.ToArray(), "scales.cvq", new PriorCoder(prior)).Codes);
        using var other = Make(5, 3, 2, 3, 4);
        Assert.Throws<ArgumentException>(() => other.Begin(1, 1, Length, tensor(new[] { 1L })));
    }
}
