using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Shampoo"/>.</summary>
public sealed record ShampooOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public ShampooOptions() => LearningRate = 0.1;

    /// <summary>Weight of the last preconditioned gradient, in [0, 1).</summary>
    public double Momentum { get; init; } = 0;

    /// <summary>Start of the covariances (times the identity), greater than 0.</summary>
    public double MatrixEpsilon { get; init; } = 1e-6;

    /// <summary>Covariances are raised to -Power / dimensions: 0.5 is the paper, 1 the older PyTorch packages.</summary>
    public double Power { get; init; } = 0.5;

    /// <summary>Steps between two computations of the roots, at least 1.</summary>
    public int PreconditionEvery { get; init; } = 1;

    /// <summary>Longer dimensions are left alone.</summary>
    public int MaxDimension { get; init; } = 2048;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).Positive(MatrixEpsilon).Positive(Power).AtLeast(PreconditionEvery, 1).AtLeast(MaxDimension, 1);
    }
}

/// <summary>Shampoo (Gupta et al. 2018): every dimension of a tensor has its own covariance of gradients, and the gradient is multiplied by its inverse root along each. The roots are taken by eigendecomposition. Coupled decay by default.</summary>
public sealed class Shampoo : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Shampoo(Module module, ShampooOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Shampoo(IEnumerable<ParameterGroupSpec> groups, ShampooOptions? options = null)
        : base(groups, options ?? new ShampooOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        var o = group.OptionsAs<ShampooOptions>();
        var type = ParameterState.TypeFor(parameter);
        if (o.Momentum > 0) state.Fill("momentum_buffer", parameter);
        for (var i = 0; i < parameter.dim(); i++)
        {
            if (parameter.size(i) > o.MaxDimension) continue;
            state.Put(Slot("pre_cond", i), eye(parameter.size(i), dtype: type, device: parameter.device).mul_(o.MatrixEpsilon));
            state.Put(Slot("inv_pre_cond", i), zeros(parameter.size(i), parameter.size(i), dtype: type, device: parameter.device));
        }
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<ShampooOptions>();
        if (o.Momentum > 0 && state.Step > 1) gradient = gradient.lerp(state["momentum_buffer"], group.Momentum ?? o.Momentum);
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var order = (int)parameter.dim();
        for (var i = 0; i < order; i++)
        {
            if (!state.Tensors.TryGetValue(Slot("pre_cond", i), out var covariance)) continue;
            var root = state[Slot("inv_pre_cond", i)];
            var turned = gradient.transpose(0, i);
            var matrix = turned.reshape(turned.size(0), -1);
            covariance.add_(matrix.matmul(matrix.t()));
            if ((state.Step - 1) % o.PreconditionEvery == 0) root.copy_(InverseRoot(covariance, o.Power / order, o.MatrixEpsilon));
            gradient = root.matmul(matrix).reshape(turned.shape).transpose(0, i);
        }
        if (o.Momentum > 0) state["momentum_buffer"].copy_(gradient);
        parameter.add_(gradient, alpha: -group.LearningRate);
    }

    private static string Slot(string name, int dimension) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}_{dimension}");

    /// <summary>covariance^-power, in float64. No eigenvalue is below the start of the covariance, whatever rounding says.</summary>
    private static Tensor InverseRoot(Tensor covariance, double power, double floor)
    {
        var (values, vectors) = linalg.eigh(covariance.to(ScalarType.Float64));
        var powers = values.clamp_(min: floor).pow_(-power);
        return (vectors * powers.unsqueeze(0)).matmul(vectors.t()).to(covariance.dtype);
    }
}
