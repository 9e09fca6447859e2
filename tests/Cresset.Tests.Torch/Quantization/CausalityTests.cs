using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>What makes a prior a prior, for all of them.</summary>
[LeakFree]
public class CausalityTests
{
    private static readonly (int H, int W)[] Sizes = [(1, 1), (1, 7), (7, 1), (5, 5), (4, 6), (6, 4)];

    public static TheoryData<string> Names => ["PixelCnn", "GatedPixelCnn", "PixelSnail", "CodeTransformer"];

    private static CodePrior Make(string name, int codes = 5, int classes = 3, int layers = 4)
    {
        using var generator = new Generator(7);
        CodePrior prior = name switch
        {
            "PixelCnn" =>
                new PixelCnn(
                    new() { CodebookSize = codes, Classes = classes, Width = 8, Layers = layers, FirstKernel = 5, OutputWidth = 16 },
                    generator),
            "GatedPixelCnn" =>
                new GatedPixelCnn(
                    new() { CodebookSize = codes, Classes = classes, Width = 8, Layers = layers, FirstKernel = 5, OutputWidth = 16 },
                    generator),
            "PixelSnail" => new PixelSnail(new() { CodebookSize = codes, Classes = classes, Width = 8, Heads = 2 }, generator),
            "CodeTransformer" =>
                new CodeTransformer(new() { CodebookSize = codes, Classes = classes, Width = 8, Heads = 2, MaxLength = 49 }, generator),
            _ => throw new ArgumentException(name),
        };
        // Wide weights: a dependence must show.
        using var noGrad = no_grad();
        foreach (var parameter in prior.parameters()) parameter.add_(randn(parameter.shape, generator: generator).mul_(0.15));
        prior.eval();
        return prior;
    }

    private static (Tensor Codes, Tensor Labels) Data(int batch, int h, int w, int seed = 1)
    {
        using var generator = new Generator((ulong)seed);
        return (randint(0, 5, [batch, h, w], dtype: ScalarType.Int64, generator: generator),
            randint(0, 3, [batch], dtype: ScalarType.Int64, generator: generator));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NoLogitDependsOnItsOwnOrALaterCode(string name)
    {
        using var outer = NewDisposeScope();
        using var prior = Make(name);
        foreach (var (h, w) in Sizes)
        {
            using var scope = NewDisposeScope();
            var (codes, labels) = Data(1, h, w);
            var before = prior.call(codes, labels).reshape(5, h * w);
            var anyLater = false;
            for (var p = 0; p < h * w; p++)
            {
                using var inner = NewDisposeScope();
                var changed = codes.clone();
                changed.reshape(-1)[p] = (codes.reshape(-1)[p] + 1).remainder(5);
                var after = prior.call(changed, labels).reshape(5, h * w);
                Golden.Same(before.narrow(1, 0, p + 1), after.narrow(1, 0, p + 1), $"{h}x{w}, code {p}");
                anyLater |= before.ne(after).any().ToBoolean();
            }
            Assert.True(anyLater || h * w == 1, $"{h}x{w}: nothing depends on anything");
        }
    }

    [Theory]
    [InlineData("GatedPixelCnn")]
    [InlineData("PixelSnail")]
    public void GradientsComeFromAllEarlierPositionsAndNoOther(string name)
    {
        using var scope = NewDisposeScope();
        using var prior = Make(name, layers: 6);
        const int H = 5, W = 6;
        var embedded = randn([1, 8, H, W], generator: new Generator(2)).requires_grad_();
        var labels = zeros(1, dtype: ScalarType.Int64);
        var logits =
            (prior is GatedPixelCnn gated ? gated.LogitsOf(embedded, labels) : ((PixelSnail)prior).LogitsOf(embedded, labels)).square()
                .sum(1).reshape(H * W);
        for (var p = 0; p < H * W; p++)
        {
            using var inner = NewDisposeScope();
            var gradient = autograd.grad([logits[p]], [embedded], retain_graph: true, allow_unused: true)[0];
            var sums = gradient.abs().sum(1).reshape(-1);
            for (var q = 0; q < H * W; q++)
            {
                if (q >= p) Assert.Equal(0, sums[q].ToDouble());
                else Assert.True(sums[q].ToDouble() > 0, $"blind spot: {p} does not see {q}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void CodesOutOfRangeAreNamedWhereverTheyComeIn(string name)
    {
        using var scope = NewDisposeScope();
        using var prior = Make(name);
        foreach (var wrong in new long[] { 5, 7, 8, 1000, -1 })
        {
            var (codes, labels) = Data(2, 3, 3);
            codes[1, 2, 0] = wrong;
            var message = Assert.Throws<ArgumentException>(() => prior.call(codes, labels)).Message;
            Assert.Contains($"Index {wrong} at position [1, 2, 0]", message);
            Assert.Throws<ArgumentException>(() => prior.NegativeLogLikelihood(codes, labels));
            using var session = prior.Begin(2, 3, 3, labels);
            session.Next();
            Assert.Contains($"Code {wrong} of map 1", Assert.Throws<ArgumentException>(() => session.Accept([0, wrong])).Message);
            session.Accept([0, 4]);
        }
        using var generator = new Generator(1);
        using var masked = new MaskedCodeTransformer(new() { CodebookSize = 5, Width = 8, Heads = 2, MaxLength = 9 }, generator);
        var map = full([1, 3, 3], 5L, dtype: ScalarType.Int64);
        masked.call(map, null).Dispose();
        Assert.Throws<ArgumentException>(() => masked.Loss(map, null, generator));
        map[0, 1, 1] = 6;
        Assert.Contains("Index 6 at position [0, 1, 1]", Assert.Throws<ArgumentException>(() => masked.call(map, null)).Message);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ASessionWorksInTheTypeOfItsModel(string name)
    {
        using var scope = NewDisposeScope();
        using var prior = Make(name);
        prior.to(ScalarType.Float64);
        var (codes, labels) = Data(2, 4, 4);
        var full = prior.call(codes, labels);
        using var session = prior.Begin(2, 4, 4, labels);
        for (var position = 0; position < 16; position++)
        {
            var logits = session.Next();
            Assert.Equal(ScalarType.Float64, logits.dtype);
            Golden.Near(full.select(3, position % 4).select(2, position / 4), logits, 1e-9, $"position {position}");
            long[] next = [codes[0, position / 4, position % 4].ToInt64(), codes[1, position / 4, position % 4].ToInt64()];
            session.Accept(next);
        }
    }

    [Fact]
    public void ThePlainStackHasItsKnownBlindSpotUpAndToTheRight()
    {
        using var scope = NewDisposeScope();
        using var prior = Make("PixelCnn", layers: 3);
        var (codes, labels) = Data(1, 5, 7);
        var before = prior.call(codes, labels);
        // From (4, 1): (3, 6) lies in the triangle that 5x5 and 3x3 kernels above a row cannot reach; (3, 2) is seen.
        foreach (var (column, seen) in new[] { (6, false), (2, true) })
        {
            var changed = codes.clone();
            changed[0, 3, column] = (codes[0, 3, column] + 1).remainder(5);
            Assert.Equal(seen,
                before.select(3, 1).select(2, 4).ne(prior.call(changed, labels).select(3, 1).select(2, 4)).any().ToBoolean());
        }
    }

    [Fact]
    public void WeightDecayAndMomentumCannotOpenAMaskedTap()
    {
        using var scope = NewDisposeScope();
        foreach (var name in new[] { "PixelCnn", "GatedPixelCnn" })
        {
            using var prior = Make(name);
            var optimizer = optim.SGD(prior.parameters(), 0.1, momentum: 0.9, weight_decay: 0.1);
            var (codes, labels) = Data(4, 5, 5);
            for (var i = 0; i < 3; i++)
            {
                using var inner = NewDisposeScope();
                optimizer.zero_grad();
                prior.NegativeLogLikelihood(codes, labels).mean().backward();
                optimizer.step();
            }
            optimizer.zero_grad();
            optimizer.Dispose();
            var before = prior.call(codes, labels);
            var changed = codes.clone();
            changed.select(2, 4).select(1, 4).add_(1).remainder_(5);
            Golden.Same(before, prior.call(changed, labels), $"{name}: the last code is seen by nobody");
            foreach (var parameter in prior.parameters()) parameter.grad?.Dispose();
            prior.zero_grad();
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ASessionGivesTheLogitsOfTheFullPassAtEveryPosition(string name)
    {
        using var outer = NewDisposeScope();
        using var prior = Make(name);
        foreach (var (h, w) in Sizes)
        {
            using var scope = NewDisposeScope();
            var (codes, labels) = Data(3, h, w);
            var full = prior.call(codes, labels);
            using var session = prior.Begin(3, h, w, labels);
            var all = codes.data<long>().ToArray();
            for (var p = 0; p < h * w; p++)
            {
                using var inner = NewDisposeScope();
                Golden.Near(full.select(3, p % w).select(2, p / w), session.Next(), 1e-4, $"{h}x{w}, position {p}");
                session.Accept([all[p], all[(h * w) + p], all[(2 * h * w) + p]]);
            }
            Assert.Throws<InvalidOperationException>(() => session.Next());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ProbabilitiesOfAll2x2BinaryMapsSumToOne(string name)
    {
        using var scope = NewDisposeScope();
        using var prior = Make(name, codes: 2);
        var codes = tensor(Enumerable.Range(0, 16).SelectMany(i => new[] { i & 1, (i >> 1) & 1, (i >> 2) & 1, (i >> 3) & 1 })
            .Select(v => (long)v).ToArray(), [16, 2, 2]);
        var nll = prior.NegativeLogLikelihood(codes, zeros(16, dtype: ScalarType.Int64)).sum([1, 2]);
        Assert.Equal(1, nll.neg().exp().sum().ToDouble(), 1e-5);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void LabelsMatterAndFollowTheirSamples(string name)
    {
        using var scope = NewDisposeScope();
        using var prior = Make(name);
        var (codes, _) = Data(3, 4, 4);
        codes = codes.narrow(0, 0, 1).expand(3, -1, -1).clone();
        var plain = prior.call(codes, tensor(new long[] { 0, 1, 2 }));
        var moved = prior.call(codes, tensor(new long[] { 2, 0, 1 }));
        Golden.Near(plain.index_select(0, tensor(new long[] { 2, 0, 1 })), moved, 1e-5, "permuted");
        Assert.True((plain[0] - plain[1]).abs().max().ToDouble() > 1e-4);
        Assert.Contains("labels", Assert.Throws<ArgumentException>(() => prior.call(codes, null)).Message);
        Assert.Contains("0 to 2", Assert.Throws<ArgumentException>(() => prior.call(codes, tensor(new long[] { 0, 1, 3 }))).Message);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SamplingIsDeterministicAndIndependentOfTheBatchAndFollowsTheModel(string name)
    {
        using var scope = NewDisposeScope();
        using var prior = Make(name);
        var labels = tensor(new long[] { 0, 1, 2, 1 });
        var all = prior.Sample(4, 3, 4, seed: 9, labels);
        Golden.Same(all, prior.Sample(4, 3, 4, seed: 9, labels), "same seed");
        Golden.Same(all.narrow(0, 0, 2), prior.Sample(2, 3, 4, seed: 9, labels.narrow(0, 0, 2)), "smaller batch");
        Assert.False(all.eq(prior.Sample(4, 3, 4, seed: 10, labels)).all().ToBoolean());
        // Frequencies of the first code are the model's probabilities.
        var many = prior.Sample(3000, 1, 1, seed: 1, zeros(3000, dtype: ScalarType.Int64)).reshape(-1);
        var expected = prior.call(zeros(1, 1, 1, dtype: ScalarType.Int64), zeros(1, dtype: ScalarType.Int64)).reshape(5).softmax(0);
        var found = many.bincount(null, 5).to(ScalarType.Float32) / 3000;
        Assert.True((expected - found).abs().max().ToDouble() < 0.04);
        // Temperature 0 takes the likeliest code, as top-k 1 does.
        Golden.Same(prior.Sample(2, 2, 3, 1, labels.narrow(0, 0, 2), new() { Temperature = 0 }),
            prior.Sample(2, 2, 3, 2, labels.narrow(0, 0, 2), new() { TopK = 1 }), "greedy");
    }

    [Fact]
    public void MaskedGenerationFillsEveryCodeAndLearnsAConstantMap()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using var model = new MaskedCodeTransformer(new() { CodebookSize = 6, MaxLength = 20, Width = 16, Heads = 2, Classes = 2 },
            generator);
        var codes = cat([full([16, 4, 5], 3L, dtype: ScalarType.Int64), full([16, 4, 5], 1L, dtype: ScalarType.Int64)]);
        var labels = cat([zeros(16, dtype: ScalarType.Int64), ones(16, dtype: ScalarType.Int64)]);
        using var optimizer = optim.Adam(model.parameters(), 1e-2);
        for (var i = 0; i < 40; i++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            model.Loss(codes, labels, generator).backward();
            optimizer.step();
        }
        foreach (var schedule in Enum.GetValues<MaskSchedule>())
        {
            var sample = model.Sample(4, 4, 5, seed: 2, tensor(new long[] { 0, 0, 1, 1 }), schedule: schedule);
            Assert.True(sample.lt(6).all().ToBoolean() && sample.ge(0).all().ToBoolean(), "a code is still masked");
            Assert.True(sample.narrow(0, 0, 2).eq(3).to(ScalarType.Float32).mean().ToDouble() > 0.9);
            Assert.True(sample.narrow(0, 2, 2).eq(1).to(ScalarType.Float32).mean().ToDouble() > 0.9);
            Golden.Same(sample, model.Sample(4, 4, 5, seed: 2, tensor(new long[] { 0, 0, 1, 1 }), schedule: schedule), "same seed");
        }
        model.zero_grad();
    }
}
