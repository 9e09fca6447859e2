using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Numerics;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Sgd"/>.</summary>
public sealed record SgdOptions : OptimizerOptions
{
    /// <summary>The defaults of PyTorch.</summary>
    public SgdOptions() => LearningRate = 1e-3;

    /// <summary>Factor of the momentum buffer, at least 0; 0 keeps no buffer.</summary>
    public double Momentum { get; init; }

    /// <summary>Dampening of the gradient as it enters the buffer (not at the first step).</summary>
    public double Dampening { get; init; }

    /// <summary>Nesterov's look-ahead; needs momentum and no dampening.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Shrink the weights directly by rate * decay (SGDW, Loshchilov and Hutter 2019) instead of through the gradient.</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <summary>Decoupled decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (Defazio 2025).</summary>
    public bool CorrectedWeightDecay { get; init; }

    /// <summary>Only move weights whose update agrees in sign with the gradient, scaled up to make up for the rest (Liang et al. 2024). Runs in tensor operations.</summary>
    public bool Cautious { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        ArgumentNullException.ThrowIfNull(checks);
        checks.AtLeast(Momentum, 0.0, "The usual value is 0.9.")
            .AtLeast(Dampening, 0.0)
            .Must(!Nesterov || (Momentum > 0 && Dampening == 0), Nesterov, "false unless Momentum > 0 and Dampening = 0", field: nameof(Nesterov));
    }
}

/// <summary>Stochastic gradient descent with momentum (Sutskever et al. 2013 for the form of the buffer), PyTorch's conventions: <c>b = momentum b + (1 - dampening) g; p -= lr b</c>. Weight decay is coupled unless the options say otherwise.</summary>
public sealed class Sgd : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Sgd(Module module, SgdOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Sgd(IEnumerable<ParameterGroupSpec> groups, SgdOptions? options = null)
        : base(groups, options ?? new SgdOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var s = Scalars(group, state, parameter);
        var raw = gradient;
        if (s.Decay != 0) gradient = gradient.add(parameter, alpha: s.Decay);
        if (s.Shrink != 1) parameter.mul_(s.Shrink);
        if (s.HasBuffer)
        {
            var buffer = state["momentum_buffer"];
            if (s.First) buffer.copy_(gradient);
            else buffer.mul_(s.Momentum).add_(gradient, alpha: 1 - s.Dampening);
            gradient = s.Nesterov ? gradient.add(buffer, alpha: s.Momentum) : buffer;
        }
        if (s.HasBuffer && group.OptionsAs<SgdOptions>().Cautious)
        {
            gradient = gradient.clone();
            Caution.Apply(gradient, raw);
        }
        parameter.add_(gradient, alpha: -s.Rate);
    }

    private protected override bool IsOptionalSlot(string slot) => slot == "momentum_buffer";

    private protected override FusedBatch? CreateBatch() => new FusedBatch<SgdScalars, SgdLanes<float>, SgdLanes<double>>();

    private protected override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (item.Group.OptionsAs<SgdOptions>().Cautious) return false;
        var s = Scalars(item.Group, item.State, item.Parameter);
        ((FusedBatch<SgdScalars, SgdLanes<float>, SgdLanes<double>>)batch).Add(item, s, s.HasBuffer ? item.State["momentum_buffer"] : null);
        return true;
    }

    /// <summary>The buffer appears with the first step that has momentum, which a schedule may switch on later.</summary>
    private static SgdScalars Scalars(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        var options = group.OptionsAs<SgdOptions>();
        var momentum = group.Momentum ?? options.Momentum;
        var has = momentum != 0;
        var first = has && !state.Tensors.ContainsKey("momentum_buffer");
        if (first) state.Fill("momentum_buffer", parameter);
        var shrink = options.DecoupledWeightDecay ? 1 - (group.LearningRate * group.WeightDecay * group.DecayRatio(options.CorrectedWeightDecay)) : 1;
        return new SgdScalars(group.LearningRate, momentum, options.Dampening, options.DecoupledWeightDecay ? 0 : group.WeightDecay, shrink, has, first, options.Nesterov);
    }
}

/// <summary>The numbers of one SGD step of one parameter.</summary>
internal readonly record struct SgdScalars(double Rate, double Momentum, double Dampening, double Decay, double Shrink, bool HasBuffer, bool First, bool Nesterov);

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
    public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1, ref Vector512<T> state2)
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
