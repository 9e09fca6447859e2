using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Adagrad (Duchi et al. 2011), PyTorch's defaults: each weight's rate falls with the sum of its squared gradients. Decay is coupled.
/// </summary>
[Part("adagrad", "Duchi et al. 2011")]
public sealed record AdagradRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdagradRule() => LearningRate = 1e-2;

    /// <summary>The rate falls as 1 / (1 + t decay), at least 0.</summary>
    public double LearningRateDecay { get; init; }

    /// <summary>Start of the sum of squares, at least 0.</summary>
    public double InitialAccumulator { get; init; }

    /// <summary>Added to the root, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-10;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.AtLeast(LearningRateDecay, 0.0).AtLeast(InitialAccumulator, 0.0).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Fill("sum", InitialAccumulator);

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(decoupled: false);
        var sum = s["sum"].addcmul_(g, g, 1);
        s.Parameter.addcdiv_(g, sum.sqrt().add_(Epsilon), -s.Rate / (1 + ((s.Step - 1) * LearningRateDecay)));
    }

    internal override SparseUpdate SparseUpdateOf(ParameterGroup group) => SparseUpdate.Rows;
}

/// <summary>
/// Adadelta (Zeiler 2012), PyTorch's defaults: steps in units of the weights, from the ratio of two running mean squares. Decay is coupled.
/// </summary>
[Part("adadelta", "Zeiler 2012")]
public sealed record AdadeltaRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdadeltaRule() => LearningRate = 1;

    /// <summary>Decay of both mean squares, in [0, 1].</summary>
    public double Rho { get; init; } = 0.9;

    /// <summary>Added inside the roots, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Rho, 0, 1).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("square_avg", "acc_delta");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(decoupled: false);
        var square = s["square_avg"].mul_(Rho).addcmul_(g, g, 1 - Rho);
        var moved = s["acc_delta"];
        var delta = moved.add(Epsilon).sqrt_().div_(square.add(Epsilon).sqrt_()).mul_(g);
        moved.mul_(Rho).addcmul_(delta, delta, 1 - Rho);
        s.Parameter.add_(delta, alpha: -s.Rate);
    }
}

/// <summary>
/// RMSprop (Tieleman and Hinton 2012) with PyTorch's conventions by default: the small constant outside the root, the mean square from 0,
/// decay coupled.
/// TensorFlow's form, which the EfficientNet recipes rely on, is Alpha 0.9, Epsilon 1e-10, Momentum 0.9, EpsilonInRoot, InitialAccumulator
/// 1 and RateInMomentum.
/// </summary>
[Part("rmsprop", "Tieleman and Hinton 2012")]
public sealed record RmsPropRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public RmsPropRule() => LearningRate = 1e-2;

    /// <summary>Decay of the mean square, in [0, 1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>Added to the root, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Momentum on the scaled gradient, at least 0.</summary>
    public double Momentum { get; init; }

    /// <summary>Divide by the standard deviation instead of the root mean square (Graves 2013).</summary>
    public bool Centered { get; init; }

    /// <summary>Add Epsilon inside the root, as TensorFlow, instead of outside.</summary>
    public bool EpsilonInRoot { get; init; }

    /// <summary>Start of the mean square, at least 0.</summary>
    public double InitialAccumulator { get; init; }

    /// <summary>Multiply by the rate before the momentum, as TensorFlow, so that a falling rate acts on new gradients only.</summary>
    public bool RateInMomentum { get; init; }

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected internal override bool AllowsAnyMomentum => true;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Alpha, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0).AtLeast(Momentum, 0.0).AtLeast(InitialAccumulator, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Fill("square_avg", InitialAccumulator);
        if (Momentum > 0) s.Zeros("momentum_buffer");
        if (Centered) s.Zeros("grad_avg");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var square = s["square_avg"].mul_(Alpha).addcmul_(g, g, 1 - Alpha);
        if (Centered)
        {
            var mean = s["grad_avg"].lerp_(g, 1 - Alpha);
            square = square.addcmul(mean, mean, -1);
        }
        var root = EpsilonInRoot ? square.add(Epsilon).sqrt_() : square.sqrt().add_(Epsilon);
        if (Momentum == 0)
        {
            s.Parameter.addcdiv_(g, root, -s.Rate);
            return;
        }
        var buffer = s["momentum_buffer"].mul_(s.Momentum).addcdiv_(g, root, RateInMomentum ? s.Rate : 1);
        s.Parameter.add_(buffer, alpha: RateInMomentum ? -1 : -s.Rate);
    }
}

/// <summary>
/// MADGRAD (Defazio and Jelassi 2021): dual averaging with the cube root of the summed squares; weights are a moving average of the dual
/// averaging point.
/// </summary>
[Part("madgrad", "Defazio and Jelassi 2021")]
public sealed record MadgradRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public MadgradRule() => LearningRate = 1e-2;

    /// <summary>Weight of the old point, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Added to the cube root (and to the rate), at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("grad_sum_sq", "s");
        s.CopyWeights("x0");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var weight = (s.Rate + Epsilon) * Math.Sqrt(s.Step);
        var squares = s["grad_sum_sq"].addcmul_(g, g, weight);
        var sum = s["s"].add_(g, alpha: weight);
        var point = s["x0"].addcdiv(sum, squares.pow(1.0 / 3).add_(Epsilon), -1);
        s.Parameter.lerp_(point, 1 - s.Momentum);
    }
}
