using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Stochastic gradient descent with momentum (Sutskever et al. 2013 for the form of the buffer), PyTorch's conventions: <c>b = momentum b +
/// (1 - dampening) g; p -= lr b</c>. Weight decay is coupled unless the options say otherwise.
/// </summary>
[Part("sgd", "Robbins and Monro 1951; Sutskever et al. 2013")]
public sealed record SgdRule : OptimizerRule
{
    /// <summary>The defaults of PyTorch.</summary>
    public SgdRule() => LearningRate = 1e-3;

    /// <summary>Factor of the momentum buffer, at least 0; 0 keeps no buffer.</summary>
    public double Momentum { get; init; }

    /// <summary>Dampening of the gradient as it enters the buffer (not at the first step).</summary>
    public double Dampening { get; init; }

    /// <summary>Nesterov's look-ahead; needs momentum and no dampening.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Shrink the weights directly by rate * decay (SGDW, Loshchilov and Hutter 2019) instead of through the gradient.</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <summary>
    /// Decoupled decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (Defazio
    /// 2025).
    /// </summary>
    public bool CorrectedWeightDecay { get; init; }

    /// <summary>
    /// Only move weights whose update agrees in sign with the gradient, scaled up to make up for the rest (Liang et al. 2024); needs
    /// momentum. Runs in tensor operations.
    /// </summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected internal override bool AllowsAnyMomentum => true;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(Momentum, 0.0, "The usual value is 0.9.")
        .AtLeast(Dampening, 0.0)
        .Must(!Nesterov || (Momentum > 0 && Dampening == 0), Nesterov, "false unless Momentum > 0 and Dampening = 0",
            field: nameof(Nesterov))
        .Must(!CorrectedWeightDecay || DecoupledWeightDecay, CorrectedWeightDecay, "false unless DecoupledWeightDecay is true",
            field: nameof(CorrectedWeightDecay));

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var n = Scalars(s.Group, s.State, s.Parameter);
        var (p, g) = (s.Parameter, s.Gradient);
        if (n.Decay != 0) g = g.add(p, alpha: n.Decay);
        if (n.Shrink != 1) p.mul_(n.Shrink);
        if (n.HasBuffer)
        {
            var buffer = s["momentum_buffer"];
            if (n.First) buffer.copy_(g);
            else buffer.mul_(n.Momentum).add_(g, alpha: 1 - n.Dampening);
            g = n.Nesterov ? g.add(buffer, alpha: n.Momentum) : buffer;
            if (Cautious) g = Slot.Cautious(g, s.Gradient);
        }
        p.add_(g, alpha: -n.Rate);
    }

    internal override bool IsOptionalSlot(string slot) => slot == "momentum_buffer";

    internal override SparseUpdate SparseUpdateOf(ParameterGroup group) => group.Momentum is > 0 ? SparseUpdate.Dense : SparseUpdate.Rows;

    internal override FusedBatch? CreateBatch() => new FusedBatch<SgdScalars, SgdLanes<float>, SgdLanes<double>>();

    internal override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (Cautious) return false;
        var n = Scalars(item.Group, item.State, item.Parameter);
        ((FusedBatch<SgdScalars, SgdLanes<float>, SgdLanes<double>>)batch).Add(item, n, n.HasBuffer ? item.State["momentum_buffer"] : null);
        return true;
    }

    /// <summary>The buffer appears with the first step that has momentum, which a schedule may switch on later.</summary>
    private SgdScalars Scalars(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        var momentum = group.Momentum ?? Momentum;
        var has = momentum != 0;
        var first = has && !state.Tensors.ContainsKey("momentum_buffer");
        if (first) state.Fill("momentum_buffer", parameter);
        var shrink = DecoupledWeightDecay ? 1 - (group.LearningRate * group.WeightDecay * group.DecayRatio(CorrectedWeightDecay)) : 1;
        return new SgdScalars(group.LearningRate, momentum, Dampening, DecoupledWeightDecay ? 0 : group.WeightDecay, shrink, has, first,
            Nesterov);
    }
}

/// <summary>The numbers of one SGD step of one parameter.</summary>
internal readonly record struct SgdScalars(double Rate, double Momentum, double Dampening, double Decay, double Shrink, bool HasBuffer,
    bool First, bool Nesterov);

/// <summary>SGD on a vector: the state is the momentum buffer.</summary>
internal readonly struct SgdLanes<T> : IFusedRule<T, SgdScalars, SgdLanes<T>>
    where T : unmanaged, INumber<T>
{
    private readonly Vector512<T> _rate, _momentum, _entering, _decay, _shrink;
    private readonly bool _hasDecay, _hasShrink, _hasBuffer, _first, _nesterov;

    private SgdLanes(in SgdScalars s)
    {
        _rate = Vector512.Create(T.CreateTruncating(s.Rate));
        _momentum = Vector512.Create(T.CreateTruncating(s.Momentum));
        _entering = Vector512.Create(T.CreateTruncating(1 - s.Dampening));
        _decay = Vector512.Create(T.CreateTruncating(s.Decay));
        _shrink = Vector512.Create(T.CreateTruncating(s.Shrink));
        (_hasDecay, _hasShrink, _hasBuffer, _first, _nesterov) = (s.Decay != 0, s.Shrink != 1, s.HasBuffer, s.First, s.Nesterov);
    }

    public static SgdLanes<T> Create(in SgdScalars scalars) => new(scalars);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1,
        ref Vector512<T> state2)
    {
        if (_hasDecay) gradient = Lanes.MultiplyAdd(_decay, parameter, gradient);
        if (_hasShrink) parameter *= _shrink;
        if (_hasBuffer)
        {
            state0 = _first ? gradient : Lanes.MultiplyAdd(_entering, gradient, _momentum * state0);
            gradient = _nesterov ? Lanes.MultiplyAdd(_momentum, state0, gradient) : state0;
        }
        parameter = Lanes.MultiplyAdd(-_rate, gradient, parameter);
    }
}

/// <summary>
/// Averaged stochastic gradient descent (Polyak and Juditsky 1992), PyTorch's defaults: the state <c>ax</c> is the average of the iterates,
/// <c>eta_t = lr / (1 + lambda lr t)^alpha</c>. Decay is coupled.
/// </summary>
[Part("asgd", "Polyak and Juditsky 1992")]
public sealed record AsgdRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AsgdRule() => LearningRate = 1e-2;

    /// <summary>Decay term lambda, at least 0.</summary>
    public double Lambda { get; init; } = 1e-4;

    /// <summary>Power of the falling rate, at least 0.</summary>
    public double Alpha { get; init; } = 0.75;

    /// <summary>Step from which iterates are averaged, at least 0.</summary>
    public double AverageFrom { get; init; } = 1e6;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Lambda, 0.0).AtLeast(Alpha, 0.0).AtLeast(AverageFrom, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("ax");
        s.State.SetScalar("eta", s.Rate);
        s.State.SetScalar("mu", 1);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(decoupled: false);
        var (p, average) = (s.Parameter, s["ax"]);
        var (eta, mu) = (s.State.Scalar("eta"), s.State.Scalar("mu"));
        p.mul_(1 - (Lambda * eta)).add_(g, alpha: -eta);
        if (mu == 1) average.copy_(p);
        else average.add_(p.sub(average).mul_(mu));
        s.State.SetScalar("eta", s.Rate / Math.Pow(1 + (Lambda * s.Rate * s.Step), Alpha));
        s.State.SetScalar("mu", 1 / Math.Max(1, s.Step - AverageFrom));
    }
}

/// <summary>AggMo (Lucas et al. 2019): the mean of several momenta with different decays, fast without oscillation.</summary>
[Part("aggmo", "Lucas et al. 2019")]
public sealed record AggMoRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public AggMoRule() => LearningRate = 1e-3;

    /// <summary>Decays of the momenta, each in [0, 1).</summary>
    public IReadOnlyList<double> Decays { get; init; } = [0, 0.9, 0.99];

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Must(Decays is { Count: > 0 } && Decays.All(d => d is >= 0 and < 1), Decays is null ? null : string.Join(", ", Decays),
            "one or more numbers in [0, 1)", field: nameof(Decays));

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        for (var i = 0; i < Decays.Count; i++) s.Zeros(FormattableString.Invariant($"momentum_{i}"));
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        for (var i = 0; i < Decays.Count; i++)
        {
            var buffer = s[FormattableString.Invariant($"momentum_{i}")].mul_(Decays[i]).add_(g);
            s.Parameter.add_(buffer, alpha: -s.Rate / Decays.Count);
        }
    }
}

/// <summary>Quasi-hyperbolic momentum (Ma and Yarats 2019): a weighted mean of plain and momentum SGD.</summary>
[Part("qhm", "Ma and Yarats 2019")]
public sealed record QhmRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public QhmRule() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.999;

    /// <summary>Weight of the momentum in the step, in [0, 1].</summary>
    public double Nu { get; init; } = 0.7;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Momentum, 0, 1, includeMax: false).Within(Nu, 0, 1);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("momentum_buffer");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var buffer = s["momentum_buffer"].lerp_(g, 1 - s.Momentum);
        s.Parameter.add_(buffer, alpha: -s.Rate * Nu);
        s.Parameter.add_(g, alpha: -s.Rate * (1 - Nu));
    }
}

/// <summary>
/// SGDP (Heo et al. 2021): SGD with momentum that leaves out the part of the step that only grows the norm of scale-invariant weights.
/// Decoupled decay.
/// </summary>
[Part("sgdp", "Heo et al. 2021")]
public sealed record SgdPRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public SgdPRule() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Dampening of the gradient as it enters the buffer, at least 0.</summary>
    public double Dampening { get; init; }

    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Keeps norms away from 0, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>How close to a right angle counts as scale-invariant, at least 0.</summary>
    public double Delta { get; init; } = 0.1;

    /// <summary>Factor of the weight decay of scale-invariant weights, at least 0.</summary>
    public double DecayRatio { get; init; } = 0.1;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Dampening, 0.0).AtLeast(Epsilon, 0.0).AtLeast(Delta, 0.0)
            .AtLeast(DecayRatio, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("momentum_buffer");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var buffer = s["momentum_buffer"].mul_(s.Momentum).add_(s.Gradient, alpha: 1 - Dampening);
        var update = Nesterov ? s.Gradient.add(buffer, alpha: s.Momentum) : buffer.clone();
        var ratio = RadialProjection.Apply(s.Parameter, s.Gradient, update, Delta, DecayRatio, Epsilon);
        s.Shrink(ratio / (1 - s.Momentum));
        s.Parameter.add_(update, alpha: -s.Rate);
    }
}

/// <summary>The projection of AdamP and SGDP (Heo et al. 2021).</summary>
internal static class RadialProjection
{
    /// <summary>
    /// Where the gradient is nearly at right angles to the weights (per output channel, then for the tensor as a whole), they are
    /// scale-invariant:
    /// the part of <paramref name="update"/> along the weights is taken out in place. Returns the factor of the weight decay.
    /// </summary>
    public static double Apply(Tensor parameter, Tensor gradient, Tensor update, double delta, double decayRatio, double epsilon)
    {
        if (parameter.dim() < 2 || parameter.numel() == 0) return 1;
        foreach (var rows in new[] { parameter.size(0), 1L })
        {
            var (w, g) = (parameter.reshape(rows, -1), gradient.reshape(rows, -1));
            var cosine = (w * g).sum(1).div_(w.norm(1).clamp_(min: epsilon).mul_(g.norm(1).clamp_(min: epsilon))).abs_();
            if (cosine.max().ToDouble() >= delta / Math.Sqrt(w.size(1))) continue;
            var direction = w / w.norm(1).add_(epsilon).unsqueeze(1);
            var along = (direction * update.reshape(rows, -1)).sum(1, keepdim: true);
            update.sub_((direction * along).reshape(update.shape));
            return decayRatio;
        }
        return 1;
    }
}
