using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Scion"/>.</summary>
public sealed record ScionOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public ScionOptions() => LearningRate = 1e-3;

    /// <summary>Weight of the new gradient in the average, in (0, 1].</summary>
    public double Momentum { get; init; } = 0.1;

    /// <summary>Radius of the norm ball, greater than 0.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Keep the weights inside the ball (a Frank-Wolfe step): they shrink by 1 - rate first.</summary>
    public bool Constraint { get; init; }

    /// <summary>Newton-Schulz iterations, at least 1.</summary>
    public int NewtonSchulzSteps { get; init; } = 5;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Must(Momentum is > 0 and <= 1, Momentum, "in (0, 1]", field: nameof(Momentum)).Positive(Scale).AtLeast(NewtonSchulzSteps, 1);
    }
}

/// <summary>Scion (Pethick et al. 2025): steps of fixed size in the norm that suits each kind of weight - spectral for matrices and kernels (by Newton-Schulz), root mean square for vectors. One momentum tensor; rates carry over between widths.</summary>
public sealed class Scion : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Scion(Module module, ScionOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Scion(IEnumerable<ParameterGroupSpec> groups, ScionOptions? options = null)
        : base(groups, options ?? new ScionOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("d", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<ScionOptions>();
        var d = state["d"].lerp_(gradient, o.Momentum);
        var update = Direction(d, o);
        if (o.Constraint) parameter.mul_(1 - group.LearningRate);
        else WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        parameter.add_(update, alpha: -group.LearningRate * o.Scale);
    }

    /// <summary>The point of the unit ball farthest along <paramref name="d"/>.</summary>
    private static Tensor Direction(Tensor d, ScionOptions o)
    {
        if (d.dim() < 2) return d.div(d.norm().ToDouble() / Math.Sqrt(Math.Max(1, d.numel())) + 1e-8);
        var matrix = d.reshape(d.size(0), -1);
        var taps = matrix.size(1) / (double)d.size(1);
        return NewtonSchulz.Orthogonalize(matrix, o.NewtonSchulzSteps).mul_(Math.Sqrt(d.size(0) / (double)d.size(1)) / taps).reshape(d.shape);
    }
}
