using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Soap"/>.</summary>
public sealed record SoapOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public SoapOptions()
    {
        LearningRate = 3e-3;
        WeightDecay = 0.01;
    }

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.95;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Decay of the covariances; null for Beta2.</summary>
    public double? ShampooBeta { get; init; }

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Steps between two updates of the basis, at least 1.</summary>
    public int PreconditionEvery { get; init; } = 10;

    /// <summary>Dimensions longer than this get no basis.</summary>
    public int MaxDimension { get; init; } = 10_000;

    /// <summary>Give vectors a basis too.</summary>
    public bool PreconditionVectors { get; init; }

    /// <summary>Correct both moments for their start at zero.</summary>
    public bool BiasCorrection { get; init; } = true;

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0)
        .Must(ShampooBeta is null or (>= 0 and < 1), ShampooBeta, "null or in [0, 1)", field: nameof(ShampooBeta))
        .AtLeast(PreconditionEvery, 1).AtLeast(MaxDimension, 1);
}

/// <summary>
/// SOAP (Vyas et al. 2024): Adam in the slowly rotating eigenbasis of Shampoo's covariances. The first step only measures the covariances;
/// the basis follows by one power iteration and a QR decomposition. Decay is decoupled, after the update; the first moment is kept unrotated.
/// </summary>
public sealed class Soap : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Soap(Module module, SoapOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Soap(IEnumerable<ParameterGroupSpec> groups, SoapOptions? options = null)
        : base(groups, options ?? new SoapOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        var o = group.OptionsAs<SoapOptions>();
        var type = ParameterState.TypeFor(parameter);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
        for (var d = 0; d < parameter.dim(); d++)
        {
            var n = parameter.size(d);
            if ((parameter.dim() == 1 && !o.PreconditionVectors) || n > o.MaxDimension) continue;
            state.Put($"covariance.{d}", zeros(n, n, dtype: type, device: parameter.device));
            state.Put($"basis.{d}", eye(n, dtype: type, device: parameter.device));
        }
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<SoapOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        if (state.Step == 1)
        {
            UpdateBasis(o, state, gradient, 1);
            return;
        }
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        var projected = Rotate(state, gradient, back: false);
        m.mul_(beta1).add_(gradient, alpha: 1 - beta1);
        v.mul_(o.Beta2).addcmul_(projected, projected, 1 - o.Beta2);
        var size = group.LearningRate;
        if (o.BiasCorrection) size *= Math.Sqrt(1 - Math.Pow(o.Beta2, state.Step)) / (1 - Math.Pow(beta1, state.Step));
        var update = Rotate(state, Rotate(state, m, back: false).div(v.sqrt().add_(o.Epsilon)), back: true);
        parameter.add_(update, alpha: -size);
        if (group.WeightDecay != 0) parameter.mul_(1 - (group.LearningRate * group.WeightDecay));
        UpdateBasis(o, state, gradient, state.Step);
    }

    private static void UpdateBasis(SoapOptions o, ParameterState state, Tensor gradient, long step)
    {
        var first = step == 1;
        var turn = first || step % o.PreconditionEvery == 0;
        for (var d = 0; d < gradient.dim(); d++)
        {
            if (!state.Tensors.TryGetValue($"covariance.{d}", out var covariance)) continue;
            var flat = gradient.movedim([d], [0]).reshape(gradient.size(d), -1);
            covariance.lerp_(flat.matmul(flat.transpose(0, 1)), 1 - (o.ShampooBeta ?? o.Beta2));
            if (!turn) continue;
            var basis = state[$"basis.{d}"];
            if (first)
            {
                var (_, vectors) = linalg.eigh(covariance + (eye(covariance.size(0), dtype: covariance.dtype, device: covariance.device) * 1e-30));
                basis.copy_(vectors.flip(1));
                continue;
            }
            // Order the old basis by its current eigenvalue estimates, then one power iteration.
            var order = basis.transpose(0, 1).matmul(covariance).matmul(basis).diagonal().argsort(descending: true);
            var v = state["exp_avg_sq"];
            v.copy_(v.index_select(d, order));
            var (q, _) = linalg.qr(covariance.matmul(basis.index_select(1, order)));
            basis.copy_(q);
        }
    }

    /// <summary>Into the eigenbasis of every dimension, or back.</summary>
    private static Tensor Rotate(ParameterState state, Tensor value, bool back)
    {
        for (var d = 0; d < value.dim(); d++)
        {
            if (!state.Tensors.TryGetValue($"basis.{d}", out var basis)) continue;
            var turned = back ? basis : basis.transpose(0, 1);
            value = turned.matmul(value.movedim([d], [0]).reshape(value.size(d), -1)).reshape(Moved(value.shape, d)).movedim([0], [d]);
        }
        return value;
    }

    private static long[] Moved(long[] shape, int d) => [shape[d], .. shape.Where((_, i) => i != d)];
}
