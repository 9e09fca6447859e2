using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>Options that the relatives of Adam share: two moving averages and a small constant.</summary>
public abstract record MomentOptions : OptimizerOptions
{
    /// <summary>Sets the usual learning rate, 1e-3.</summary>
    protected MomentOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Keeps divisions finite, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Shrink the weights directly (true, as AdamW) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
}
