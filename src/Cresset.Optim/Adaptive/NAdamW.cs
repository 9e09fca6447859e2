using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="NAdamW"/>.</summary>
public sealed record NAdamWOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public NAdamWOptions() => WeightDecay = 0.01;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <summary>Decay by rate^2 / initial rate, so that the balance of decay and step stays when a schedule lowers the rate (Defazio 2025).</summary>
    public bool CorrectedWeightDecay { get; init; }
}

/// <summary>AdamW with Nesterov momentum in the form of Dahl et al. 2023 (AlgoPerf): the first moment takes the gradient in once more for the step. <see cref="NAdam"/> is Dozat's form with a momentum schedule.</summary>
public sealed class NAdamW : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public NAdamW(Module module, NAdamWOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public NAdamW(IEnumerable<ParameterGroupSpec> groups, NAdamWOptions? options = null)
        : base(groups, options ?? new NAdamWOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<NAdamWOptions>();
        if (o.DecoupledWeightDecay) WeightDecay.Apply(group, parameter, gradient, true, group.DecayRatio(o.CorrectedWeightDecay));
        else gradient = WeightDecay.Apply(group, parameter, gradient, false);
        var (m, v) = Track(group, state, gradient);
        var ahead = m.lerp(gradient, 1 - (group.Momentum ?? o.Beta1));
        if (o.Cautious) Caution.Apply(ahead, gradient);
        var root = v.sqrt().div_(Math.Sqrt(SecondCorrection(group, state))).add_(o.Epsilon);
        parameter.addcdiv_(ahead, root, -group.LearningRate / FirstCorrection(group, state));
    }
}
