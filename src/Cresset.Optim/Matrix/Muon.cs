using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>How Muon scales the orthogonal update.</summary>
public enum MuonScaling
{
    /// <summary>sqrt(max(1, rows / columns)) (Jordan).</summary>
    Spectral,

    /// <summary>0.2 sqrt(max(rows, columns)): the root mean square of an AdamW update, so AdamW's rate and decay carry over (Moonlight, Liu et al. 2025).</summary>
    MatchAdamW,
}

/// <summary>Options of <see cref="Muon"/>.</summary>
public sealed record MuonOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public MuonOptions() => LearningRate = 0.02;

    /// <summary>False: the group is updated by AdamW with the betas below (vectors, embeddings, heads).</summary>
    public bool Orthogonalize { get; init; } = true;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.95;

    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; } = true;

    /// <summary>Newton-Schulz iterations, at least 1.</summary>
    public int NewtonSchulzSteps { get; init; } = 5;

    /// <summary>The scale of the update.</summary>
    public MuonScaling Scaling { get; init; }

    /// <summary>First beta of the AdamW part, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Second beta of the AdamW part, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>The small constant of the AdamW part, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-10;

    internal override double? CycledMomentum => Orthogonalize ? Momentum : Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Momentum, 0, 1, includeMax: false).AtLeast(NewtonSchulzSteps, 1).Defined(Scaling)
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
}

/// <summary>
/// Muon (Jordan et al. 2024): the momentum of a hidden matrix is orthogonalized before the step; everything else is trained by AdamW.
/// Convolution kernels count as matrices of [out, in * k * k]. Decay is decoupled.
/// </summary>
public sealed class Muon : Optimizer
{
    /// <summary>Optimizes <paramref name="module"/> with <see cref="GroupsFor"/>.</summary>
    public Muon(Module module, MuonOptions? options = null)
        : this(GroupsFor(module, options), options)
    {
    }

    /// <summary>Optimizes the given groups; in groups with <see cref="MuonOptions.Orthogonalize"/> vectors still go to AdamW.</summary>
    public Muon(IEnumerable<ParameterGroupSpec> groups, MuonOptions? options = null)
        : base(groups, options ?? new MuonOptions())
    {
    }

    /// <summary>Two groups: hidden matrices for Muon; vectors, norms, embeddings and the heads (<paramref name="isHead"/>; by default no other parameter) for AdamW at <paramref name="adamRate"/>.</summary>
    public static IReadOnlyList<ParameterGroupSpec> GroupsFor(Module module, MuonOptions? options = null, double adamRate = 3e-4, Func<NamedParameter, bool>? isHead = null)
    {
        var basis = options ?? new MuonOptions();
        return ParameterGroups.FromRules(
            module,
            [new GroupRule("AdamW", p => GroupRule.IsUndecayed(p) || isHead?.Invoke(p) == true, adamRate, Options: basis with { Orthogonalize = false, LearningRate = adamRate })],
            otherwise: "Muon");
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        if (group.OptionsAs<MuonOptions>().Orthogonalize && parameter.dim() >= 2)
        {
            state.Fill("momentum_buffer", parameter);
            return;
        }
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<MuonOptions>();
        var rate = group.LearningRate;
        if (group.WeightDecay != 0) parameter.mul_(1 - (rate * group.WeightDecay));
        if (!state.Tensors.TryGetValue("momentum_buffer", out var buffer))
        {
            AdamStep(o, state, parameter, gradient, rate, o.Orthogonalize ? o.Beta1 : group.Momentum ?? o.Beta1);
            return;
        }
        var momentum = group.Momentum ?? o.Momentum;
        buffer.lerp_(gradient, 1 - momentum);
        var update = o.Nesterov ? gradient.lerp(buffer, momentum) : buffer;
        var matrix = update.reshape(update.size(0), -1);
        var (rows, columns) = (matrix.size(0), matrix.size(1));
        var scale = o.Scaling == MuonScaling.MatchAdamW ? 0.2 * Math.Sqrt(Math.Max(rows, columns)) : Math.Sqrt(Math.Max(1, rows / (double)columns));
        parameter.add_(NewtonSchulz.Orthogonalize(matrix, o.NewtonSchulzSteps).reshape(parameter.shape), alpha: -rate * scale);
    }

    private static void AdamStep(MuonOptions o, ParameterState state, Tensor parameter, Tensor gradient, double rate, double beta1)
    {
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - beta1);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var root = v.sqrt().div_(Math.Sqrt(1 - Math.Pow(o.Beta2, state.Step))).add_(o.Epsilon);
        parameter.addcdiv_(m, root, -rate / (1 - Math.Pow(beta1, state.Step)));
    }
}
