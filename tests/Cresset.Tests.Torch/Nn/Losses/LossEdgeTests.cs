using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Losses of numbers at the edge: nothing there, no probability, very small and very large vectors.</summary>
public sealed class LossEdgeTests
{
    [Theory]
    [InlineData(1000)]
    [InlineData(4)]
    [InlineData(-3)]
    [InlineData(0)]
    public void ATextNamesClassesThatAreThereAndNotTheBlank(long letter)
    {
        using var scope = NewDisposeScope();
        var refused = Assert.Throws<ArgumentException>(() => Ctc([letter, 2], 2));
        Assert.Contains($"class {letter}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PaddingOfATextMayHoldAnything()
    {
        using var scope = NewDisposeScope();
        using var padded = Ctc([1, -1], 1);
        using var plain = Ctc([1], 1);
        Assert.Equal(plain.ToDouble(), padded.ToDouble(), 6);
    }

    [Fact]
    public void LengthsAndTextsOfCtcAreWholeNumbersOfThings()
    {
        using var scope = NewDisposeScope();
        var steps = zeros(5, 1, 4).log_softmax(-1);
        var (text, five, two) = (tensor(new long[] { 1, 2 }).reshape(1, 2), tensor(new long[] { 5 }), tensor(new long[] { 2 }));
        Assert.Throws<ArgumentException>(() => Losses.Ctc(steps, text.to(float32), five, two));
        Assert.Throws<ArgumentException>(() => Losses.Ctc(steps, text, five.to(float32), two));
        Assert.Throws<ArgumentException>(() => Losses.Ctc(steps, text, five, tensor(new long[] { -1 })));
        Assert.Throws<ShapeException>(() => Losses.Ctc(zeros(5, 0, 4), zeros([0, 2], dtype: int64), zeros([0], dtype: int64),
            zeros([0], dtype: int64)));
        Assert.Throws<ShapeException>(() => Losses.Ctc(zeros(0, 1, 4), text, zeros([1], dtype: int64), two));
        using var expected = Losses.Ctc(steps, text, five, two);
        foreach (var type in new[] { ScalarType.Int32, ScalarType.Byte })
            Assert.Equal(expected.ToDouble(), Losses.Ctc(steps, text.to(type), five.to(type), two).ToDouble());
    }

    [Fact]
    public void WhatHasNoProbabilityCostsNothing()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 0f, float.NegativeInfinity }).requires_grad_();
        var loss = new DivergenceLossRule { Reduction = LossReduction.Sum }.Of(x, tensor(new[] { 1f, 0 }));
        Assert.Equal(0, loss.ToDouble());
        loss.backward();
        Assert.Equal([-1f, 0], x.grad!.data<float>().ToArray());
        var log = new DivergenceLossRule { LogTarget = true, Reduction = LossReduction.Sum };
        Assert.Equal(2, log.Of(tensor(new[] { -2f, -3 }), tensor(new[] { 0, float.NegativeInfinity })).ToDouble());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AClassThatIsNeitherThereNorFoundCostsNothingWithoutSmoothing(bool dice)
    {
        using var scope = NewDisposeScope();
        LossRule rule = dice ? new DiceLossRule { Smooth = 0 } : new TverskyLossRule { Smooth = 0 };
        var x = tensor(new[] { 1e4f, -1e4f, -1e4f, 1e4f, -1e4f, -1e4f }).reshape(2, 3, 1).requires_grad_();
        var loss = rule.Of(x, zeros([2, 1], dtype: int64));
        Assert.Equal(0, loss.ToDouble());
        loss.backward();
        Assert.Equal(0, x.grad!.abs().sum().ToDouble());
    }

    [Theory]
    [InlineData(1e-8)]
    [InlineData(1e20)]
    public void TheSizeOfVectorsHasNoSayInWhatComparesDirections(double size)
    {
        using var scope = NewDisposeScope();
        var (plain, scaled) = (eye(3), eye(3) * size);
        Assert.Equal(Losses.InfoNce(plain, plain).ToDouble(), Losses.InfoNce(scaled, scaled).ToDouble(), 5);
        Assert.Equal(Losses.InfoNce(plain, plain, plain).ToDouble(), Losses.InfoNce(scaled, scaled, scaled).ToDouble(), 5);
        Assert.Equal(Losses.NtXent(plain, plain).ToDouble(), Losses.NtXent(scaled, scaled).ToDouble(), 5);
    }

    [Fact]
    public void AVectorOfZerosHasFiniteGradients()
    {
        using var scope = NewDisposeScope();
        var zero = zeros(3, 2).requires_grad_();
        Losses.NtXent(zero, zero).backward();
        Assert.True(zero.grad!.isfinite().all().ToBoolean());
    }

    [Fact]
    public void DistancesOfLargeVectorsAreNumbers()
    {
        using var scope = NewDisposeScope();
        var (far, near) = (ones(1, 3) * 1e20, zeros(1, 3));
        Assert.Equal(0, Losses.CosineEmbedding(far, far, ones(1)).ToDouble(), 6);
        Assert.Equal(0, Losses.Contrastive(far, near, zeros(1)).ToDouble());
        Assert.Equal(0, Losses.Triplet(far, far, near).ToDouble());
        Assert.Equal(Math.Sqrt(3), Losses.Triplet(far, near, far).ToDouble() / 1e20, 5);
    }

    [Fact]
    public void WeightsOfClassesGetNoGradientsUnsaid()
    {
        using var scope = NewDisposeScope();
        var (scores, classes, weights) = (zeros(2, 3), tensor(new long[] { 0, 2 }), ones(3, requires_grad: true));
        var rule = new CrossEntropyLossRule();
        Assert.Contains("detach()", Assert.Throws<ArgumentException>(() => rule.Of(scores, classes, weights)).Message,
            StringComparison.Ordinal);
        Assert.Equal(Math.Log(3), rule.Of(scores, classes, weights.detach()).ToDouble(), 6);
        using var quiet = no_grad();
        Assert.Equal(Math.Log(3), rule.Of(scores, classes, weights).ToDouble(), 6);
    }

    private static Tensor Ctc(long[] text, long length) => Losses.Ctc(zeros(5, 1, 4).log_softmax(-1),
        tensor(text).reshape(1, text.Length), tensor(new long[] { 5 }), tensor(new[] { length }));
}
