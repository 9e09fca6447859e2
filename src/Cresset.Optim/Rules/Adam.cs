using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Adam (Kingma and Ba 2015). Weight decay is coupled: an L2 term in the gradient, which the adaptive scaling then divides, so weights with
/// large gradients hardly decay. Use <see cref="AdamWRule"/> for decay that works.
/// </summary>
[Part("adam", "Kingma and Ba 2015")]
public sealed record AdamRule : AdamFamilyRule
{
    private protected override bool IsDecoupled => false;
}

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): weights shrink by lr * decay outside the adaptive scaling, so every
/// weight decays at the same rate whatever the size of its gradients. PyTorch's defaults, weight decay 0.01 included.
/// </summary>
[Part("adamw", "Loshchilov and Hutter 2019")]
public sealed record AdamWRule : AdamFamilyRule
{
    /// <summary>The defaults.</summary>
    public AdamWRule() => WeightDecay = 0.01;

    private protected override bool IsDecoupled => true;
}

/// <summary>
/// The step of Adam, with the weight decay inside or outside the adaptive scaling. States: <c>exp_avg</c>, <c>exp_avg_sq</c> and with
/// AMSGrad <c>max_exp_avg_sq</c>.
/// </summary>
public abstract record AdamFamilyRule : OptimizerRule
{
    /// <summary>Sets the usual rate.</summary>
    protected AdamFamilyRule() => LearningRate = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>
    /// Divide by the largest second moment so far (Reddi et al. 2018). The maximum is taken before the bias correction, as in PyTorch.
    /// </summary>
    public bool AmsGrad { get; init; }

    /// <summary>
    /// Take the gradient into the first moment once more for the step (Dahl et al. 2023, AlgoPerf's NAdamW). Runs in tensor operations.
    /// </summary>
    public bool Nesterov { get; init; }

    /// <summary>
    /// Only move weights whose update agrees in sign with the gradient, scaled up to make up for the rest (Liang et al. 2024). Runs in
    /// tensor operations.
    /// </summary>
    public bool Cautious { get; init; }

    /// <summary>
    /// Decoupled decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (AdamC,
    /// Defazio 2025).
    /// </summary>
    public bool CorrectedWeightDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    private protected abstract bool IsDecoupled { get; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false, hint: "The usual value is 0.9.")
        .Within(Beta2, 0, 1, includeMax: false, hint: "The usual value is 0.999, or 0.95 for language models.")
        .AtLeast(Epsilon, 0.0)
        .Must(!CorrectedWeightDecay || IsDecoupled, CorrectedWeightDecay, "false: the decay of Adam is a part of the gradient",
            "Use AdamW.", nameof(CorrectedWeightDecay));

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("exp_avg", "exp_avg_sq");
        if (AmsGrad) s.Zeros("max_exp_avg_sq");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var n = Scalars(s.Group, s.State);
        var (p, g) = (s.Parameter, s.Gradient);
        if (n.Coupled != 0) g = g.add(p, alpha: n.Coupled);
        if (n.Shrink != 1) p.mul_(n.Shrink);
        var m = s["exp_avg"].lerp_(g, 1 - n.Beta1);
        var v = s["exp_avg_sq"].mul_(n.Beta2).addcmul_(g, g, 1 - n.Beta2);
        if (AmsGrad) v = s["max_exp_avg_sq"].copy_(maximum(s["max_exp_avg_sq"], v));
        if (Nesterov) m = m.lerp(g, 1 - n.Beta1);
        if (Cautious) m = Slot.Cautious(m, g);
        p.addcdiv_(m, v.sqrt().mul_(n.RootCorrection).add_(n.Epsilon), -n.StepSize);
    }

    internal override SparseUpdate SparseUpdateOf(ParameterGroup group) => SparseUpdate.Rows;

    internal override FusedBatch? CreateBatch() => new FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>();

    internal override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (Cautious || Nesterov) return false;
        var state = item.State;
        ((FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>)batch)
            .Add(item, Scalars(item.Group, state), state["exp_avg"], state["exp_avg_sq"], AmsGrad ? state["max_exp_avg_sq"] : null);
        return true;
    }

    private AdamScalars Scalars(ParameterGroup group, ParameterState state)
    {
        var (beta1, rate, decay) = (group.Momentum ?? Beta1, group.LearningRate, group.WeightDecay);
        return new AdamScalars(
            rate / (1 - Math.Pow(beta1, state.Step)), 1 / Math.Sqrt(1 - Math.Pow(Beta2, state.Step)), beta1, Beta2, Epsilon,
            IsDecoupled ? 1 - (rate * decay * group.DecayRatio(CorrectedWeightDecay)) : 1, IsDecoupled ? 0 : decay, AmsGrad);
    }
}

/// <summary>The numbers of one Adam step of one parameter.</summary>
/// <param name="StepSize">lr / (1 - beta1^t).</param>
/// <param name="RootCorrection">1 / sqrt(1 - beta2^t).</param>
/// <param name="Beta1">First beta.</param>
/// <param name="Beta2">Second beta.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="Shrink">Decoupled decay: the weight's factor, 1 - lr * decay.</param>
/// <param name="Coupled">Coupled decay: times the weight, added to the gradient.</param>
/// <param name="AmsGrad">Keep the largest second moment in the third state.</param>
internal readonly record struct AdamScalars(double StepSize, double RootCorrection, double Beta1, double Beta2, double Epsilon,
    double Shrink, double Coupled, bool AmsGrad);

/// <summary>Adam and AdamW on a vector: states are the first and second moment and the largest second moment.</summary>
internal readonly struct AdamLanes<T> : IFusedRule<T, AdamScalars, AdamLanes<T>>
    where T : unmanaged, INumber<T>
{
    private readonly Vector512<T> _stepSize, _rootCorrection, _rest1, _beta2, _rest2, _epsilon, _shrink, _coupled;
    private readonly bool _hasShrink, _hasCoupled, _amsGrad;

    private AdamLanes(in AdamScalars s)
    {
        _stepSize = All(s.StepSize);
        _rootCorrection = All(s.RootCorrection);
        _rest1 = All(1 - s.Beta1);
        _beta2 = All(s.Beta2);
        _rest2 = All(1 - s.Beta2);
        _epsilon = All(s.Epsilon);
        _shrink = All(s.Shrink);
        _coupled = All(s.Coupled);
        _hasShrink = s.Shrink != 1;
        _hasCoupled = s.Coupled != 0;
        _amsGrad = s.AmsGrad;
    }

    public static AdamLanes<T> Create(in AdamScalars scalars) => new(scalars);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1,
        ref Vector512<T> state2)
    {
        if (_hasCoupled) gradient = Lanes.MultiplyAdd(_coupled, parameter, gradient);
        if (_hasShrink) parameter *= _shrink;
        state0 = Lanes.MultiplyAdd(_rest1, gradient - state0, state0);
        state1 = Lanes.MultiplyAdd(_rest2 * gradient, gradient, _beta2 * state1);
        var second = state1;
        if (_amsGrad)
        {
            // As max in tensor operations: a NaN on either side stays.
            state2 = Vector512.Max(state2, state1);
            second = state2;
        }
        parameter -= _stepSize * state0 / ((Vector512.Sqrt(second) * _rootCorrection) + _epsilon);
    }

    private static Vector512<T> All(double value) => Vector512.Create(T.CreateTruncating(value));
}
