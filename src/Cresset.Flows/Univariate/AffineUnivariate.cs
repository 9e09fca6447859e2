using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>y = s x + t, or Glow's y = s (x + t).</summary>
/// <param name="scale">From the raw number to the scale.</param>
/// <param name="scaleFirst">The scale is the first of the two raw parameters.</param>
/// <param name="shiftInside">Shift before scaling, as Glow and the image RealNVP do.</param>
public sealed class AffineUnivariate(AffineScale scale = AffineScale.SoftClip, bool scaleFirst = false, bool shiftInside = false)
    : Univariate
{
    /// <inheritdoc/>
    public override int Parameters => 2;

    internal override IReadOnlyList<double> StartRaw => scaleFirst ? [AffineScales.Identity(scale), 0] : [0, AffineScales.Identity(scale)];

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogDerivative) Forward(Tensor x, Tensor raw)
    {
        using var scope = NewDisposeScope();
        var (log, shift) = Split(raw);
        var factor = log.exp();
        var y = shiftInside ? (x + shift) * factor : addcmul(shift, x, factor, 1.0);
        return (y.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogDerivative) Inverse(Tensor y, Tensor raw)
    {
        using var scope = NewDisposeScope();
        var (log, shift) = Split(raw);
        var negative = -log;
        var x = shiftInside ? y * negative.exp() - shift : (y - shift) * negative.exp();
        return (x.MoveToOuterDisposeScope(), negative.MoveToOuterDisposeScope());
    }

    private (Tensor Log, Tensor Shift) Split(Tensor raw)
    {
        var parts = raw.unbind(2);
        return (AffineScales.Log(scale, parts[scaleFirst ? 0 : 1]), parts[scaleFirst ? 1 : 0]);
    }
}
