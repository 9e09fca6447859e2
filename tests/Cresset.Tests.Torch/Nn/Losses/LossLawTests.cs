using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>What every loss keeps.</summary>
[LeakFree]
public sealed class LossLawTests
{
    public static TheoryData<string> Names => [.. LossSamples.Types.Select(t => t.Name)];

    public static TheoryData<string> ClassNames =>
        [.. LossSamples.Types.Where(t => typeof(ClassLossRule).IsAssignableFrom(t)).Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void TheGradientIsThatOfDifferencesAndHasAGradient(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        var (x, t) = LossSamples.For(rule, ScalarType.Float64);
        x = x.detach().requires_grad_();
        var slope = Derivatives.Of([rule.Of(x, t)], [x], createGraph: true)[0]!;
        var turn = ModuleCase.Input(ScalarType.Float64, x.shape).cos();
        Tensor bend;
        using (no_grad())
        {
            const double H = 1e-6;
            for (long i = 0; i < x.numel(); i += 3)
            {
                var step = zeros_like(x);
                step.view(-1)[i] = H;
                var difference = (rule.Of(x + step, t).ToDouble() - rule.Of(x - step, t).ToDouble()) / (2 * H);
                Assert.Equal(difference, slope.view(-1)[i].ToDouble(), 1e-6);
            }
        }
        if (!slope.requires_grad) return;
        bend = Derivatives.Of([(slope * turn).sum()], [x])[0]!;
        Assert.True(bend.isfinite().all().ToBoolean(), "second derivatives");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheTypeOfThePredictionsIsKept(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        var exact = rule.Of(LossSamples.For(rule, ScalarType.Float64).Prediction, LossSamples.For(rule, ScalarType.Float64).Target)
            .ToDouble();
        foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 0.0), (ScalarType.Float32, 1e-5), (ScalarType.BFloat16, 0.02),
            (ScalarType.Float16, 0.005) })
        {
            var (x, t) = LossSamples.For(rule, type);
            x = x.detach().requires_grad_();
            var loss = rule.Of(x, t);
            Assert.Equal(type, loss.dtype);
            Assert.Empty(loss.shape);
            Assert.Equal(exact, loss.ToDouble(), tolerance * (1 + Math.Abs(exact)));
            Assert.Equal(type, Derivatives.Of([loss], [x])[0]!.dtype);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NoValueIsReadOnOtherDevices(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        var (x, t) = LossSamples.For(rule, ScalarType.Float32);
        x = x.to(DeviceType.META).requires_grad_();
        try
        {
            var loss = rule.Of(x, t.to(DeviceType.META));
            Assert.Equal(DeviceType.META, loss.device_type);
            Assert.Equal(x.shape, Derivatives.Of([loss], [x])[0]!.shape);
        }
        catch (Exception e) when (MetaDevice.HasNoShapeRule(e))
        {
            // libtorch cannot tell the shape of one of its own operations; no number was read on the way to it.
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ReductionsAreThoseOfTheLossesApart(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        if (rule is SumLossRule) return;
        var (x, t) = LossSamples.For(rule, ScalarType.Float64);
        var apart = (rule with { Reduction = LossReduction.None }).Of(x, t);
        Assert.Equal(apart.mean().ToDouble(), rule.Of(x, t).ToDouble(), 1e-12);
        Assert.Equal(apart.sum().ToDouble(), (rule with { Reduction = LossReduction.Sum }).Of(x, t).ToDouble(), 1e-12);
        Assert.Equal(apart.sum().ToDouble() / 3, (rule with { Reduction = LossReduction.BatchMean }).Of(x, t).ToDouble(), 1e-12);
        Assert.Equal(0, (rule with { Reduction = LossReduction.Sum }).Of(x.narrow(0, 0, 0), t.narrow(0, 0, 0)).ToDouble());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void OneSampleAloneIsItsShareOfABatch(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        var (x, t) = LossSamples.For(rule, ScalarType.Float64, 1);
        Assert.Equal(rule.Of(x, t).ToDouble(), rule.Of(x[0], t[0]).ToDouble(), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StridesAreFollowedAndInputsAreLeftAlone(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        var (x, t) = LossSamples.For(rule, ScalarType.Float64);
        var (before, loss) = (x.clone(), rule.Of(x, t).ToDouble());
        Assert.Equal(loss, rule.Of(x.t().contiguous().t(), t).ToDouble(), 1e-12);
        Assert.True(x.equal(before).all().ToBoolean());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheEndsOfFloatsAreNumbersOrInfinite(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        if (rule is BinaryCrossEntropyLossRule) return;
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var end in type == ScalarType.Float32 ? [3e38, -3e38, 1e4, -1e4] : (double[])[1e308, -1e308, 3e38, -1e4])
            {
                var (x, t) = LossSamples.For(rule, type);
                x = x.clone();
                // Gamma times the loss must still be a float.
                var size = rule is FocalLossRule ? end / 3 : end;
                x[0, 0] = size;
                x[1, 1] = -size;
                x.requires_grad_();
                var loss = (rule with { Reduction = rule is SumLossRule ? LossReduction.Sum : LossReduction.None }).Of(x, t);
                Assert.False(loss.isnan().any().ToBoolean(), $"{name} at {size} as {type}: {loss.cstr()}");
                var slope = Derivatives.Of([loss.sum()], [x])[0]!;
                Assert.False(slope.isnan().any().ToBoolean(), $"{name}' at {size} as {type}: {slope.cstr()}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ShapesAndTypesThatDoNotFitAreRefused(string name)
    {
        using var scope = NewDisposeScope();
        var rule = LossSamples.Rule(name);
        var (x, t) = LossSamples.For(rule, ScalarType.Float32);
        Assert.Throws<ShapeException>(() => rule.Of(x, t.unsqueeze(0)));
        Assert.Throws<ShapeException>(() => rule.Of(x, t.narrow(0, 0, 1)));
        Assert.Contains("floating-point", Assert.Throws<ArgumentException>(() => rule.Of(x.to(ScalarType.Int64), t)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => rule.Of(x, t, ones(7)));
    }

    [Theory]
    [MemberData(nameof(ClassNames))]
    public void ClassesThatDoNotExistAreRefusedAndIgnoredOnesCountNothing(string name)
    {
        using var scope = NewDisposeScope();
        var rule = (ClassLossRule)LossSamples.Rule(name) with { IgnoreIndex = 9 };
        var (x, t) = LossSamples.For(rule, ScalarType.Float64);
        Assert.Contains("class 4", Assert.Throws<ArgumentException>(() => rule.Of(x, full_like(t, 4))).Message, StringComparison.Ordinal);
        Assert.Contains("class -1", Assert.Throws<ArgumentException>(() => rule.Of(x, full_like(t, -1))).Message, StringComparison.Ordinal);
        Assert.Contains("whole numbers", Assert.Throws<ArgumentException>(() => rule.Of(x, t.to(ScalarType.Float32))).Message,
            StringComparison.Ordinal);
        Assert.Equal(rule.Of(x, t).ToDouble(), rule.Of(x, t.to(ScalarType.Int32)).ToDouble());
        if (rule is RegionLossRule) return;
        t = t.clone();
        t[1] = 9;
        var kept = tensor(new long[] { 0, 2 });
        Assert.Equal(rule.Of(x.index_select(0, kept), t.index_select(0, kept)).ToDouble(), rule.Of(x, t).ToDouble(), 1e-12);
    }

    [Fact]
    public void WhatPyTorchWouldBroadcastIsRefusedWithAHint()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("Reshape target", Assert.Throws<ShapeException>(() => new SquaredLossRule().Of(zeros(4, 1), zeros(4))).Message,
            StringComparison.Ordinal);
        Assert.Contains("bce-logits",
            Assert.Throws<ArgumentException>(() => new BinaryCrossEntropyLossRule().Of(tensor(1.5f), tensor(1f))).Message,
            StringComparison.Ordinal);
        Assert.Contains("negative",
            Assert.Throws<ArgumentException>(() => Losses.GaussianNll(zeros(3), zeros(3), tensor(new[] { 1f, -1, 1 }))).Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => Losses.Triplet(zeros(4, 3), zeros(1, 3), zeros(4, 3)));
        Assert.Throws<ShapeException>(() => Losses.GaussianNll(zeros(3, 4), zeros(3, 4), ones(4)));
    }

    [Fact]
    public void MixedLossesAddUpAndOnesOfDifferentKindsAreRefused()
    {
        using var scope = NewDisposeScope();
        var (x, t) = LossSamples.For(new FocalLossRule(), ScalarType.Float64);
        var both = new SumLossRule { First = new FocalLossRule(), Second = new TverskyLossRule(), Weight = 2 };
        Assert.Empty(both.Validate());
        Assert.Equal(new FocalLossRule().Of(x, t).ToDouble() + (2 * new TverskyLossRule().Of(x, t).ToDouble()), both.Of(x, t).ToDouble(),
            1e-12);
        Assert.Contains((both with { Second = new HuberLossRule() }).Validate(), p => p.Field == "Second");
    }

    /// <summary>The gaps of TorchSharp and libtorch that these losses close.</summary>
    [Fact]
    public void LossesThatTorchSharpGetsWrongAreRight()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { -100f });
        Assert.True(nn.functional.soft_margin_loss(x, ones(1)).isinf().ToBoolean());
        Assert.Equal(100, new SoftMarginLossRule().Of(x, ones(1)).ToDouble(), 1e-4);
        Assert.Equal(1, new HingeEmbeddingLossRule().Of(zeros(1), -ones(1)).ToDouble());
        // TorchSharp takes probabilities for log-probabilities by default.
        Assert.Equal(Math.Log(2),
            new DivergenceLossRule { Reduction = LossReduction.Sum }.Of(tensor(new[] { 0.5, 0.5 }).log(), tensor(new[] { 1.0, 0 }))
                .ToDouble(), 1e-12);
        Assert.Equal([2, 3], Losses.GaussianNll(zeros(2, 3), ones(2, 3), ones(2, 3), reduction: LossReduction.None).shape);
    }
}
