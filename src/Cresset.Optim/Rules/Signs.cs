using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Lion (Chen et al. 2023), the paper's defaults: the sign of an interpolated momentum; one state tensor, decoupled decay.
/// </summary>
[Part("lion", "Chen et al. 2023")]
public sealed record LionRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public LionRule() => LearningRate = 1e-4;

    /// <summary>Weight of the momentum in the update, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <summary>
    /// Decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (Defazio 2025).
    /// </summary>
    public bool CorrectedWeightDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) =>
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var m = s["exp_avg"];
        s.Shrink(s.Group.DecayRatio(CorrectedWeightDecay));
        var update = m.mul(s.Momentum).add_(s.Gradient, alpha: 1 - s.Momentum).sign_();
        if (Cautious) update = Slot.Cautious(update, s.Gradient);
        s.Parameter.add_(update, alpha: -s.Rate);
        m.lerp_(s.Gradient, 1 - Beta2);
    }

    internal override FusedBatch? CreateBatch() => new FusedBatch<LionScalars, LionLanes<float>, LionLanes<double>>();

    internal override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (Cautious) return false;
        var g = item.Group;
        var scalars = new LionScalars(g.LearningRate, g.Momentum ?? Beta1, Beta2,
            1 - (g.LearningRate * g.WeightDecay * g.DecayRatio(CorrectedWeightDecay)));
        ((FusedBatch<LionScalars, LionLanes<float>, LionLanes<double>>)batch).Add(item, scalars, item.State["exp_avg"]);
        return true;
    }
}

/// <summary>The numbers of one Lion step.</summary>
internal readonly record struct LionScalars(double Rate, double Beta1, double Beta2, double Shrink);

/// <summary>Lion on a vector: the state is the momentum.</summary>
internal readonly struct LionLanes<T> : IFusedRule<T, LionScalars, LionLanes<T>>
    where T : unmanaged, INumber<T>
{
    private readonly Vector512<T> _rate, _beta1, _rest1, _rest2, _shrink;

    private LionLanes(in LionScalars s)
    {
        _rate = Vector512.Create(T.CreateTruncating(s.Rate));
        _beta1 = Vector512.Create(T.CreateTruncating(s.Beta1));
        _rest1 = Vector512.Create(T.CreateTruncating(1 - s.Beta1));
        _rest2 = Vector512.Create(T.CreateTruncating(1 - s.Beta2));
        _shrink = Vector512.Create(T.CreateTruncating(s.Shrink));
    }

    public static LionLanes<T> Create(in LionScalars scalars) => new(scalars);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1,
        ref Vector512<T> state2)
    {
        var direction = Lanes.MultiplyAdd(_rest1, gradient, _beta1 * state0);
        // A zero has no sign: such a weight only decays. NaN compares false both ways and would be lost, so it is added back.
        var step = Vector512.ConditionalSelect(Vector512.GreaterThan(direction, default), _rate, default)
            - Vector512.ConditionalSelect(Vector512.LessThan(direction, default), _rate, default);
        step = Vector512.ConditionalSelect(Vector512.Equals(direction, direction), step, direction);
        parameter = (_shrink * parameter) - step;
        state0 = Lanes.MultiplyAdd(_rest2, gradient - state0, state0);
    }
}

/// <summary>Tiger (Su 2023): the sign of one moving average, the leanest relative of Lion (its two betas equal). Decoupled decay.</summary>
[Part("tiger", "Su 2023")]
public sealed record TigerRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public TigerRule() => LearningRate = 1e-3;

    /// <summary>Decay of the average, in [0, 1).</summary>
    public double Beta { get; init; } = 0.965;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Beta, 0, 1, includeMax: false);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        s.Shrink();
        var m = s["exp_avg"].lerp_(s.Gradient, 1 - s.Momentum);
        s.Parameter.add_(m.sign(), alpha: -s.Rate);
    }
}

/// <summary>
/// Sign descent (Bernstein et al. 2018), with momentum also called Signum: every weight moves by the same distance, in the direction of its
/// averaged gradient. Decoupled decay.
/// </summary>
[Part("signsgd", "Bernstein et al. 2018")]
public sealed record SignSgdRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public SignSgdRule() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1); 0 takes the sign of the gradient itself.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Momentum, 0, 1, includeMax: false);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (Momentum > 0) s.Zeros("momentum_buffer");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        s.Shrink();
        var direction = Momentum > 0 ? s["momentum_buffer"].lerp_(s.Gradient, 1 - s.Momentum) : s.Gradient;
        s.Parameter.add_(direction.sign(), alpha: -s.Rate);
    }
}

/// <summary>
/// Resilient back-propagation (Riedmiller and Braun 1993), PyTorch's defaults: a step size for each weight, from the signs of whole-batch
/// gradients. There is no weight decay.
/// </summary>
[Part("rprop", "Riedmiller and Braun 1993")]
public sealed record RpropRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public RpropRule() => LearningRate = 1e-2;

    /// <summary>Factor after a change of sign, in (0, 1).</summary>
    public double EtaMinus { get; init; } = 0.5;

    /// <summary>Factor after the same sign, greater than 1.</summary>
    public double EtaPlus { get; init; } = 1.2;

    /// <summary>Smallest step, at least 0.</summary>
    public double MinStep { get; init; } = 1e-6;

    /// <summary>Largest step.</summary>
    public double MaxStep { get; init; } = 50;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(EtaMinus, 0, 1, includeMin: false, includeMax: false)
        .Must(EtaPlus > 1 && double.IsFinite(EtaPlus), EtaPlus, "greater than 1", field: nameof(EtaPlus))
        .AtLeast(MinStep, 0.0)
        .Must(MaxStep >= MinStep, MaxStep, $"at least MinStep ({MinStep})", field: nameof(MaxStep))
        .Must(WeightDecay == 0, WeightDecay, "0: only signs of gradients count", field: nameof(WeightDecay));

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("prev");
        s.Fill("step_size", s.Rate);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (previous, size) = (s["prev"], s["step_size"]);
        var agreement = s.Gradient.mul(previous);
        var (same, opposite) = (agreement.gt(0), agreement.lt(0));
        var factor = ones_like(size).masked_fill_(same, EtaPlus).masked_fill_(opposite, EtaMinus);
        size.mul_(factor).clamp_(MinStep, MaxStep);
        var used = s.Gradient.masked_fill(opposite, 0);
        s.Parameter.addcmul_(used.sign(), size, -1);
        previous.copy_(used);
    }
}
