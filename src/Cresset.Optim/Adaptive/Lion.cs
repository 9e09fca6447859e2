using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Lion"/>; the defaults are the paper's.</summary>
public sealed record LionOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults: use a rate 3 to 10 times smaller than AdamW's and a decay as much larger.</summary>
    public LionOptions() => LearningRate = 1e-4;

    /// <summary>Weight of the momentum in the update, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <summary>Decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (Defazio 2025).</summary>
    public bool CorrectedWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false);
}

/// <summary>Lion (Chen et al. 2023): the sign of an interpolated momentum; one state tensor, decoupled decay.</summary>
public sealed class Lion : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Lion(Module module, LionOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Lion(IEnumerable<ParameterGroupSpec> groups, LionOptions? options = null)
        : base(groups, options ?? new LionOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var s = Scalars(group);
        var m = state["exp_avg"];
        if (s.Shrink != 1) parameter.mul_(s.Shrink);
        var update = m.mul(s.Beta1).add_(gradient, alpha: 1 - s.Beta1).sign_();
        if (group.OptionsAs<LionOptions>().Cautious) Caution.Apply(update, gradient);
        parameter.add_(update, alpha: -s.Rate);
        m.lerp_(gradient, 1 - s.Beta2);
    }

    private protected override FusedBatch? CreateBatch() => new FusedBatch<LionScalars, LionLanes<float>, LionLanes<double>>();

    private protected override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (item.Group.OptionsAs<LionOptions>().Cautious) return false;
        ((FusedBatch<LionScalars, LionLanes<float>, LionLanes<double>>)batch).Add(item, Scalars(item.Group), item.State["exp_avg"]);
        return true;
    }

    private static LionScalars Scalars(ParameterGroup group)
    {
        var o = group.OptionsAs<LionOptions>();
        return new LionScalars(group.LearningRate, group.Momentum ?? o.Beta1, o.Beta2, 1 - (group.LearningRate * group.WeightDecay * group.DecayRatio(o.CorrectedWeightDecay)));
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
    public void Update(ref Vector512<T> parameter, Vector512<T> gradient, ref Vector512<T> state0, ref Vector512<T> state1, ref Vector512<T> state2)
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
