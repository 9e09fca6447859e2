using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Mars"/>.</summary>
public sealed record MarsOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public MarsOptions()
    {
        LearningRate = 3e-3;
        Beta1 = 0.95;
        Beta2 = 0.99;
    }

    /// <summary>Weight of the correction, at least 0.</summary>
    public double Gamma { get; init; } = 0.025;

    /// <summary>Take the sign of the momentum (MARS-Lion) instead of AdamW's scaling.</summary>
    public bool SignUpdate { get; init; }

    /// <summary>Treat vectors as matrices too.</summary>
    public bool CorrectVectors { get; init; }

    /// <summary>First beta of the AdamW of vectors, in [0, 1).</summary>
    public double VectorBeta1 { get; init; } = 0.9;

    /// <summary>Second beta of the AdamW of vectors, in [0, 1).</summary>
    public double VectorBeta2 { get; init; } = 0.95;

    /// <summary>Rate of vectors over that of matrices, greater than 0.</summary>
    public double VectorRateFactor { get; init; } = 1;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(Gamma, 0.0).Within(VectorBeta1, 0, 1, includeMax: false).Within(VectorBeta2, 0, 1, includeMax: false).Positive(VectorRateFactor);
    }
}

/// <summary>MARS (Yuan et al. 2024): AdamW or Lion on gradients corrected by their change since the last step (variance reduction). Vectors are trained by AdamW.</summary>
public sealed class Mars : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Mars(Module module, MarsOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Mars(IEnumerable<ParameterGroupSpec> groups, MarsOptions? options = null)
        : base(groups, options ?? new MarsOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("last_grad", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<MarsOptions>();
        var (m, v, last) = (state["exp_avg"], state["exp_avg_sq"], state["last_grad"]);
        var matrix = o.CorrectVectors || parameter.dim() >= 2;
        var (beta1, beta2) = matrix ? (group.Momentum ?? o.Beta1, o.Beta2) : (o.VectorBeta1, o.VectorBeta2);
        var corrected = gradient;
        if (matrix && state.Step > 1)
        {
            corrected = (gradient - last).mul_(o.Gamma * beta1 / (1 - beta1)).add_(gradient);
            corrected.div_(Math.Max(1, corrected.norm().ToDouble()));
        }
        last.copy_(gradient);
        m.lerp_(corrected, 1 - beta1);
        v.mul_(beta2).addcmul_(corrected, corrected, 1 - beta2);
        var update = m.clone();
        if (o.Cautious) Caution.Apply(update, gradient);
        if (matrix && o.SignUpdate)
        {
            update.sign_();
        }
        else
        {
            var root = v.sqrt().div_(Math.Sqrt(WeightDecay.Correction(beta2, state.Step))).add_(o.Epsilon);
            update.div_(WeightDecay.Correction(beta1, state.Step)).div_(root);
        }
        var factor = matrix ? 1 : o.VectorRateFactor;
        WeightDecay.Apply(group, parameter, gradient, decoupled: true, factor);
        parameter.add_(update, alpha: -group.LearningRate * factor);
    }
}
