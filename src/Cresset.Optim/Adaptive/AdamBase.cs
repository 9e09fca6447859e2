using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Options that Adam and AdamW share.</summary>
public abstract record AdamFamilyOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    protected AdamFamilyOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Divide by the largest second moment so far (Reddi et al. 2018). The maximum is taken before the bias correction, as in PyTorch.</summary>
    public bool AmsGrad { get; init; }

    /// <summary>Only move weights whose update agrees in sign with the gradient, scaled up to make up for the rest (Liang et al. 2024). Runs in tensor operations.</summary>
    public bool Cautious { get; init; }

    /// <summary>Decoupled decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (AdamC, Defazio 2025).</summary>
    public bool CorrectedWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        ArgumentNullException.ThrowIfNull(checks);
        checks.Within(Beta1, 0, 1, includeMax: false, hint: "The usual value is 0.9.")
            .Within(Beta2, 0, 1, includeMax: false, hint: "The usual value is 0.999, or 0.95 for language models.")
            .AtLeast(Epsilon, 0.0);
    }
}

/// <summary>The step of Adam (Kingma and Ba 2015), with the weight decay inside or outside the adaptive scaling.</summary>
public abstract class AdamBase : Optimizer
{
    private readonly bool _decoupled;

    private protected AdamBase(IEnumerable<ParameterGroupSpec> groups, AdamFamilyOptions options, bool decoupled)
        : base(groups, options) => _decoupled = decoupled;

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
        if (group.OptionsAs<AdamFamilyOptions>().AmsGrad) state.Fill("max_exp_avg_sq", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var options = group.OptionsAs<AdamFamilyOptions>();
        var s = Scalars(group, state);
        if (s.Coupled != 0) gradient = gradient.add(parameter, alpha: s.Coupled);
        if (s.Shrink != 1) parameter.mul_(s.Shrink);
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - s.Beta1);
        v.mul_(s.Beta2).addcmul_(gradient, gradient, 1 - s.Beta2);
        if (options.AmsGrad)
        {
            var largest = state["max_exp_avg_sq"];
            largest.copy_(maximum(largest, v));
            v = largest;
        }
        if (options.Cautious)
        {
            m = m.clone();
            Caution.Apply(m, gradient);
        }
        parameter.addcdiv_(m, v.sqrt().mul_(s.RootCorrection).add_(s.Epsilon), -s.StepSize);
    }

    private protected override FusedBatch? CreateBatch() => new FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>();

    private protected override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        var state = item.State;
        if (item.Group.OptionsAs<AdamFamilyOptions>().Cautious) return false;
        var ams = item.Group.OptionsAs<AdamFamilyOptions>().AmsGrad;
        ((FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>)batch)
            .Add(item, Scalars(item.Group, state), state["exp_avg"], state["exp_avg_sq"], ams ? state["max_exp_avg_sq"] : null);
        return true;
    }

    private AdamScalars Scalars(ParameterGroup group, ParameterState state)
    {
        var options = group.OptionsAs<AdamFamilyOptions>();
        var beta1 = group.Momentum ?? options.Beta1;
        var (rate, decay) = (group.LearningRate, group.WeightDecay);
        return new AdamScalars(
            rate / (1 - Math.Pow(beta1, state.Step)),
            1 / Math.Sqrt(1 - Math.Pow(options.Beta2, state.Step)),
            beta1, options.Beta2, options.Epsilon,
            _decoupled ? 1 - (rate * decay * group.DecayRatio(options.CorrectedWeightDecay)) : 1,
            _decoupled ? 0 : decay,
            options.AmsGrad);
    }
}
