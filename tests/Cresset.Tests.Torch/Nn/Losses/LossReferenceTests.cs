using System.Text.Json;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// Every loss against PyTorch and against its definition: the losses apart, their mean and sum, and the gradient of the mean.
/// </summary>
[LeakFree]
public sealed class LossReferenceTests
{
    private static readonly JsonElement[] Cases = ReadCases();

    private static readonly Dictionary<string, LossRule> Rules = new()
    {
        ["l1"] = new AbsoluteLossRule(),
        ["mse"] = new SquaredLossRule(),
        ["mse of one number"] = new SquaredLossRule(),
        ["huber 0.5"] = new HuberLossRule { Delta = 0.5 },
        ["smooth-l1 0.7"] = new SmoothAbsoluteLossRule { Beta = 0.7 },
        ["smooth-l1 0"] = new SmoothAbsoluteLossRule { Beta = 0 },
        ["poisson-nll"] = new PoissonLossRule(),
        ["poisson-nll full"] = new PoissonLossRule { Full = true },
        ["poisson-nll rates"] = new PoissonLossRule { Logarithmic = false, Full = true, Epsilon = 1e-3 },
        ["bce"] = new BinaryCrossEntropyLossRule(),
        ["bce weighted"] = new BinaryCrossEntropyLossRule(),
        ["bce-logits"] = new LogitBinaryCrossEntropyLossRule(),
        ["bce-logits positive 3"] = new LogitBinaryCrossEntropyLossRule { PositiveWeight = 3 },
        ["kl"] = new DivergenceLossRule(),
        ["kl log target"] = new DivergenceLossRule { LogTarget = true },
        ["kl batch-mean"] = new DivergenceLossRule { Reduction = LossReduction.BatchMean },
        ["multi-label-soft-margin"] = new MultiLabelSoftMarginLossRule(),
        ["multi-label-soft-margin of one"] = new MultiLabelSoftMarginLossRule(),
        ["multi-label-margin"] = new MultiLabelMarginLossRule(),
        ["multi-label-margin of one"] = new MultiLabelMarginLossRule(),
        ["soft-margin"] = new SoftMarginLossRule(),
        ["hinge-embedding"] = new HingeEmbeddingLossRule(),
        ["hinge squared"] = new HingeLossRule { Margin = 0.8, Squared = true },
        ["cross-entropy"] = new CrossEntropyLossRule(),
        ["cross-entropy of one"] = new CrossEntropyLossRule(),
        ["cross-entropy weighted and smooth"] = new CrossEntropyLossRule { LabelSmoothing = 0.1 },
        ["cross-entropy of masks"] = new CrossEntropyLossRule { IgnoreIndex = -1 },
        ["cross-entropy of shares"] = new CrossEntropyLossRule(),
        ["nll"] = new LogProbabilityLossRule(),
        ["nll of masks"] = new LogProbabilityLossRule { IgnoreIndex = -1 },
        ["multi-margin"] = new MultiMarginLossRule(),
        ["multi-margin squared"] = new MultiMarginLossRule { Power = 2, Margin = 0.8 },
        ["multi-margin of one"] = new MultiMarginLossRule(),
        ["focal"] = new FocalLossRule(),
        ["focal weighted 0.5"] = new FocalLossRule { Gamma = 0.5 },
        ["focal of masks"] = new FocalLossRule { IgnoreIndex = -1 },
        ["sigmoid-focal"] = new SigmoidFocalLossRule(),
        ["sigmoid-focal of shares 1.5"] = new SigmoidFocalLossRule { Alpha = 0.6, Gamma = 1.5 },
        ["dice"] = new DiceLossRule { IgnoreIndex = -1 },
        ["dice squared"] = new DiceLossRule { IgnoreIndex = -1, Squared = true, Smooth = 0.1 },
        ["dice over the batch"] = new DiceLossRule { IgnoreIndex = -1, OverBatch = true },
        ["dice without background"] = new DiceLossRule { IgnoreIndex = -1, SkipBackground = true },
        ["dice of yes and no"] = new DiceLossRule { IgnoreIndex = -1 },
        ["tversky"] = new TverskyLossRule(),
        ["tversky focal"] = new TverskyLossRule { Alpha = 0.4, Beta = 0.6, Exponent = 0.75 },
        ["sum"] = new SumLossRule { Weight = 0.5 },
        ["log-cosh"] = new LogCoshLossRule(),
        ["charbonnier 0.1"] = new CharbonnierLossRule { Epsilon = 0.1 },
        ["quantile 0.9"] = new QuantileLossRule { Quantile = 0.9 },
    };

    private static readonly Dictionary<string, Func<Tensor[], LossReduction, Tensor>> Functions = new()
    {
        ["margin ranking"] = (t, r) => Losses.MarginRanking(t[0], t[1], t[2], 0.3, r),
        ["cosine embedding"] = (t, r) => Losses.CosineEmbedding(t[0], t[1], t[2], -0.2, r),
        ["cosine embedding of one"] = (t, r) => Losses.CosineEmbedding(t[0], t[1], t[2], -0.9, r),
        ["contrastive"] = (t, r) => Losses.Contrastive(t[0], t[1], t[2], 6, r),
        ["triplet"] = (t, r) => Losses.Triplet(t[0], t[1], t[2], 2.0, reduction: r),
        ["triplet of one"] = (t, r) => Losses.Triplet(t[0], t[1], t[2], 9.0, reduction: r),
        ["triplet 3 swap"] = (t, r) => Losses.Triplet(t[0], t[1], t[2], 2.0, p: 3, swap: true, reduction: r),
        ["triplet by distance"] = (t, r) => Losses.Triplet(t[0], t[1], t[2], (a, b) => (a - b).abs().amax(1), 2, swap: true, reduction: r),
        ["gaussian-nll"] = (t, r) => Losses.GaussianNll(t[0], t[1], t[2], reduction: r),
        ["gaussian-nll of one variance a row"] = (t, r) => Losses.GaussianNll(t[0], t[1], t[2], full: true, reduction: r),
        ["gaussian-nll in the variance"] = (t, r) => Losses.GaussianNll(t[0], t[1], t[2], epsilon: 0.2, reduction: r),
        ["ctc"] = (t, r) => Losses.Ctc(t[0], t[1], t[2], t[3], reduction: r),
        ["ctc of one"] = (t, r) => Losses.Ctc(t[0], t[1], t[2], t[3], reduction: r),
        ["info-nce"] = (t, r) => Losses.InfoNce(t[0], t[1], temperature: 0.2, reduction: r),
        ["info-nce symmetric"] = (t, r) => Losses.InfoNce(t[0], t[1], temperature: 0.2, symmetric: true, reduction: r),
        ["info-nce with negatives"] = (t, r) => Losses.InfoNce(t[0], t[1], t[2], 0.2, reduction: r),
        ["nt-xent"] = (t, r) => Losses.NtXent(t[0], t[1], reduction: r),
    };

    public static TheoryData<string> Names => [.. Cases.Select(c => c.GetProperty("name").GetString()!)];

    [Fact]
    public void EveryLossHasACase()
    {
        Assert.Equal(Rules.Keys.Concat(Functions.Keys).Order(), Cases.Select(c => c.GetProperty("name").GetString()!).Order());
        var covered = Rules.Values.Select(r => r.GetType()).ToHashSet();
        Assert.All(LossSamples.Types, type => Assert.Contains(type, covered));
        var named = Functions.Keys.Select(k => k.Replace("-", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal))
            .ToList();
        foreach (var method in typeof(Losses).GetMethods().Where(m => m.ReturnType == typeof(Tensor)))
        {
            Assert.Contains(named, n => n.StartsWith(method.Name, StringComparison.OrdinalIgnoreCase));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AgreesApartReducedAndInItsGradient(string name)
    {
        using var scope = NewDisposeScope();
        var found = Cases.Single(c => c.GetProperty("name").GetString() == name);
        var inputs = found.GetProperty("inputs").EnumerateArray().Select(Read).ToArray();
        var leaf = inputs[name == "gaussian-nll in the variance" ? 2 : 0].requires_grad_();
        Func<LossReduction, Tensor> run = Functions.TryGetValue(name, out var function)
            ? r => function(inputs, r)
            : r => (Rules[name] with { Reduction = r }).Of(inputs[0], inputs[1], inputs.Length > 2 ? inputs[2] : null);
        if (name != "sum")
        {
            var each = Read(found.GetProperty("each"));
            var apart = run(LossReduction.None);
            Assert.Equal(each.shape, apart.shape);
            Assert.True(apart.allclose(each, 1e-10, 1e-12), $"apart: {apart.cstr()} for {each.cstr()}");
            Assert.Equal(found.GetProperty("sum").GetDouble(), run(LossReduction.Sum).ToDouble(), 1e-9);
        }
        var mean = run(Rules.GetValueOrDefault(name)?.Reduction ?? LossReduction.Mean);
        Assert.Equal(found.GetProperty("mean").GetDouble(), mean.ToDouble(), 1e-10);
        Derivatives.Backward(mean);
        using var slope = leaf.grad!;
        Assert.True(slope.allclose(Read(found.GetProperty("gradient")), 1e-9, 1e-11), $"gradient: {slope.cstr()}");
        leaf.grad = null;
    }

    private static JsonElement[] ReadCases()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Repository.Reference("nn/losses.json")));
        return [.. file.RootElement.EnumerateArray().Select(e => e.Clone())];
    }

    private static Tensor Read(JsonElement numbers)
    {
        long[] shape = [.. numbers.GetProperty("shape").EnumerateArray().Select(v => v.GetInt64())];
        var values = tensor(numbers.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToArray()).reshape(shape);
        return numbers.GetProperty("whole").GetBoolean() ? values.to(ScalarType.Int64) : values;
    }
}
