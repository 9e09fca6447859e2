using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Shampoo (Gupta et al. 2018): every dimension of a tensor has its own covariance of gradients, and the gradient is multiplied by its
/// inverse root along each. The roots are taken by eigendecomposition. Coupled decay by default.
/// </summary>
[Part("shampoo", "Gupta et al. 2018")]
public sealed record ShampooRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public ShampooRule() => LearningRate = 0.1;

    /// <summary>Weight of the last preconditioned gradient, in [0, 1).</summary>
    public double Momentum { get; init; }

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

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Momentum, 0, 1, includeMax: false).Positive(MatrixEpsilon).Positive(Power).AtLeast(PreconditionEvery, 1)
            .AtLeast(MaxDimension, 1);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (Momentum > 0) s.Zeros("momentum_buffer");
        var type = ParameterState.TypeFor(s.Parameter);
        for (var i = 0; i < s.Parameter.dim(); i++)
        {
            var n = s.Parameter.size(i);
            if (n > MaxDimension) continue;
            s.State.Put(Name("pre_cond", i), eye(n, dtype: type, device: s.Parameter.device).mul_(MatrixEpsilon));
            s.Zeros(Name("inv_pre_cond", i), [n, n]);
        }
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Gradient;
        if (Momentum > 0 && s.Step > 1) g = g.lerp(s["momentum_buffer"], s.Momentum);
        if (DecoupledWeightDecay) s.Shrink();
        else if (s.Decay != 0) g = g.add(s.Parameter, alpha: s.Decay);
        var order = (int)s.Parameter.dim();
        for (var i = 0; i < order; i++)
        {
            if (!s.State.Tensors.TryGetValue(Name("pre_cond", i), out var covariance)) continue;
            var root = s[Name("inv_pre_cond", i)];
            var turned = g.transpose(0, i);
            var matrix = turned.reshape(turned.size(0), -1);
            covariance.add_(matrix.MatMul(matrix.t()));
            if ((s.Step - 1) % PreconditionEvery == 0) root.copy_(InverseRoot(covariance, Power / order, MatrixEpsilon));
            g = root.MatMul(matrix).reshape(turned.shape).transpose(0, i);
        }
        if (Momentum > 0) s["momentum_buffer"].copy_(g);
        s.Parameter.add_(g, alpha: -s.Rate);
    }

    private static string Name(string name, int dimension) => FormattableString.Invariant($"{name}_{dimension}");

    /// <summary>covariance^-power, in float64. No eigenvalue is below the start of the covariance, whatever rounding says.</summary>
    private static Tensor InverseRoot(Tensor covariance, double power, double floor)
    {
        var (values, vectors) = linalg.eigh(covariance.to(ScalarType.Float64));
        var powers = values.clamp_(min: floor).pow_(-power);
        return (vectors * powers.unsqueeze(0)).MatMul(vectors.t()).to(covariance.dtype);
    }
}

/// <summary>
/// SOAP (Vyas et al. 2024): Adam in the slowly rotating eigenbasis of Shampoo's covariances. The first step only measures the covariances;
/// the basis follows by one power iteration and a QR decomposition. Decay is decoupled, after the update; the first moment is kept
/// unrotated.
/// </summary>
[Part("soap", "Vyas et al. 2024")]
public sealed record SoapRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public SoapRule() => (LearningRate, WeightDecay) = (3e-3, 0.01);

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.95;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Decay of the covariances, in [0, 1); null for Beta2.</summary>
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

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0)
        .Must(ShampooBeta is null or (>= 0 and < 1), ShampooBeta, "null or in [0, 1)", field: nameof(ShampooBeta))
        .AtLeast(PreconditionEvery, 1).AtLeast(MaxDimension, 1);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("exp_avg", "exp_avg_sq");
        var type = ParameterState.TypeFor(s.Parameter);
        for (var d = 0; d < s.Parameter.dim(); d++)
        {
            var n = s.Parameter.size(d);
            if ((s.Parameter.dim() == 1 && !PreconditionVectors) || n > MaxDimension) continue;
            s.Zeros($"covariance.{d}", [n, n]);
            s.State.Put($"basis.{d}", eye(n, dtype: type, device: s.Parameter.device));
        }
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (g, beta1) = (s.Gradient, s.Momentum);
        if (s.Step == 1)
        {
            UpdateBasis(s.State, g, 1);
            return;
        }
        var (m, v) = (s["exp_avg"], s["exp_avg_sq"]);
        var projected = Rotate(s.State, g, back: false);
        m.mul_(beta1).add_(g, alpha: 1 - beta1);
        v.mul_(Beta2).addcmul_(projected, projected, 1 - Beta2);
        var size = BiasCorrection ? s.Rate * (Math.Sqrt(s.Correction(Beta2)) / s.Correction(beta1)) : s.Rate;
        var update = Rotate(s.State, Rotate(s.State, m, back: false).div(v.sqrt().add_(Epsilon)), back: true);
        s.Parameter.add_(update, alpha: -size);
        s.Shrink();
        UpdateBasis(s.State, g, s.Step);
    }

    private void UpdateBasis(ParameterState state, Tensor gradient, long step)
    {
        var first = step == 1;
        var turn = first || step % PreconditionEvery == 0;
        for (var d = 0; d < gradient.dim(); d++)
        {
            if (!state.Tensors.TryGetValue($"covariance.{d}", out var covariance)) continue;
            var flat = gradient.movedim([d], [0]).reshape(gradient.size(d), -1);
            covariance.lerp_(flat.MatMul(flat.transpose(0, 1)), 1 - (ShampooBeta ?? Beta2));
            if (!turn) continue;
            var basis = state[$"basis.{d}"];
            if (first)
            {
                var (_, vectors) =
                    linalg.eigh(covariance + (eye(covariance.size(0), dtype: covariance.dtype, device: covariance.device) * 1e-30));
                basis.copy_(vectors.flip(1));
                continue;
            }
            // Order the old basis by its current eigenvalue estimates, then one power iteration.
            var order = basis.transpose(0, 1).MatMul(covariance).MatMul(basis).diagonal().argsort(descending: true);
            var v = state["exp_avg_sq"];
            v.copy_(v.index_select(d, order));
            var (q, _) = linalg.qr(covariance.MatMul(basis.index_select(1, order)));
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
            value = turned.MatMul(value.movedim([d], [0]).reshape(value.size(d), -1)).reshape(Moved(value.shape, d)).movedim([0], [d]);
        }
        return value;
    }

    private static long[] Moved(long[] shape, int d) => [shape[d], .. shape.Where((_, i) => i != d)];
}
