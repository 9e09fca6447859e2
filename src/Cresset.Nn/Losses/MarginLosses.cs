using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>log(1 + e^(-t x)) for t of 1 or -1. libtorch's is infinite from t x = -89 (float32) on, this one is -t x there.</summary>
[Part("soft-margin")]
public sealed record SoftMarginLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target) => Losses.Softplus(-target * prediction);
}

/// <summary>max(0, margin - t x), or its square, for t of 1 or -1: the loss of support vector machines.</summary>
[Part("hinge")]
public sealed record HingeLossRule : ValueLossRule
{
    /// <summary>The margin, at least 0.</summary>
    public double Margin { get; init; } = 1;

    /// <summary>Square it.</summary>
    public bool Squared { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Margin, 0.0);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        var loss = (Margin - (target * prediction)).clamp_min(0);
        return Squared ? loss.square() : loss;
    }
}

/// <summary>
/// The distance x itself where t is 1, max(0, margin - x) where t is -1. The margin of TorchSharp 0.107 is 0 by default, PyTorch's 1.
/// </summary>
[Part("hinge-embedding")]
public sealed record HingeEmbeddingLossRule : ValueLossRule
{
    /// <summary>The margin, at least 0.</summary>
    public double Margin { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Margin, 0.0);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        var zero = zeros_like(prediction);
        // A target that is neither 1 nor -1 gets both, as in PyTorch.
        return where(target.ne(1), (Margin - prediction).clamp_min(0), zero) + where(target.ne(-1), prediction, zero);
    }
}

/// <summary>
/// The hinge over pairs of a label that is there and one that is not: predictions [N, C] or [C]; targets of the same shape hold class
/// indices, ended by -1.
/// </summary>
[Part("multi-label-margin")]
public sealed record MultiLabelMarginLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        if (prediction.dim() is not (1 or 2)) throw Shape.Wrong(prediction, "[N, C] or [C]");
        // What stands behind the first -1 is not looked at.
        var there = target.ge(0).to(prediction.dtype).cumprod(-1);
        var indices = target.to(ScalarType.Int64).masked_fill(there.eq(0), 0);
        var absent = zeros_like(prediction).scatter_add(-1, indices, there).eq(0).to(prediction.dtype);
        var gaps = (1 - prediction.gather(-1, indices).unsqueeze(-1) + prediction.unsqueeze(-2)).clamp_min(0);
        return (gaps * there.unsqueeze(-1) * absent.unsqueeze(-2)).sum([-2, -1]) / prediction.size(-1);
    }
}
