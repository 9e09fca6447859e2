using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>How Muon scales the orthogonal update.</summary>
public enum MuonScaling
{
    /// <summary>sqrt(max(1, rows / columns)) (Jordan).</summary>
    Spectral,

    /// <summary>
    /// 0.2 sqrt(max(rows, columns)): the root mean square of an AdamW update, so AdamW's rate and decay carry over (Moonlight, Liu et al.
    /// 2025).
    /// </summary>
    MatchAdamW,
}

/// <summary>
/// What the Muon family shares: the momentum of a hidden matrix is orthogonalized before the step; everything else is trained by AdamW.
/// Convolution kernels count as matrices of [out, in * k * k]. Decay is decoupled.
/// </summary>
public abstract record MuonFamilyRule : OptimizerRule
{
    /// <summary>Sets the published rate.</summary>
    protected MuonFamilyRule() => LearningRate = 0.02;

    /// <summary>False: the group is updated by AdamW with the betas below (vectors, embeddings, heads).</summary>
    public bool Orthogonalize { get; init; } = true;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.95;

    /// <summary>Newton-Schulz iterations, at least 1.</summary>
    public int NewtonSchulzSteps { get; init; } = 5;

    /// <summary>
    /// Rate of the parameters that go to AdamW in the groups that <see cref="GroupsFor(Module, bool)"/> makes, at least 0.
    /// </summary>
    public double AdamRate { get; init; } = 3e-4;

    /// <summary>First beta of the AdamW part, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Second beta of the AdamW part, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>The small constant of the AdamW part, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-10;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Orthogonalize ? Momentum : Beta1;

    /// <summary>
    /// Two groups: hidden matrices for Muon; vectors, norms and embeddings for AdamW at <see cref="AdamRate"/>, with
    /// <paramref name="exemptFromDecay"/> without decay.
    /// </summary>
    public override IReadOnlyList<ParameterGroupSpec> GroupsFor(Module module, bool exemptFromDecay = false) =>
        GroupsFor(module, null, exemptFromDecay);

    /// <summary>The same with heads (<paramref name="isHead"/>) for AdamW too, as the authors advise for the last layer.</summary>
    public IReadOnlyList<ParameterGroupSpec> GroupsFor(Module module, Func<NamedParameter, bool>? isHead, bool exemptFromDecay = false) =>
        ParameterGroups.FromRules(
        module,
        [new GroupRule("AdamW", p => GroupRule.IsUndecayed(p) || isHead?.Invoke(p) == true, AdamRate, exemptFromDecay ? 0 : null,
            this with { Orthogonalize = false, LearningRate = AdamRate })],
        otherwise: "Muon");

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Momentum, 0, 1, includeMax: false).AtLeast(NewtonSchulzSteps, 1).AtLeast(AdamRate, 0.0)
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal sealed override void Start(in Slot s)
    {
        if (!IsMatrix(s))
        {
            s.Zeros("exp_avg", "exp_avg_sq");
            return;
        }
        s.Zeros("momentum_buffer");
        StartMatrix(s);
    }

    /// <inheritdoc/>
    protected internal sealed override void Update(in Slot s)
    {
        s.Shrink();
        if (!IsMatrix(s))
        {
            AdamStep(s, Orthogonalize ? Beta1 : s.Momentum);
            return;
        }
        var update = Direction(s, s["momentum_buffer"], s.Momentum);
        s.Parameter.add_(update.reshape(s.Parameter.shape), alpha: -s.Rate);
    }

    /// <summary>Adds what the update of a matrix keeps beside its momentum.</summary>
    private protected virtual void StartMatrix(in Slot s)
    {
    }

    /// <summary>Takes the gradient into the momentum and returns the scaled update as a matrix [rows, columns].</summary>
    private protected abstract Tensor Direction(in Slot s, Tensor buffer, double momentum);

    /// <summary>The update divided by its root mean square, times 0.2: the size of an AdamW step.</summary>
    private protected static Tensor Aligned(Tensor update) =>
        update * (0.2 * Math.Sqrt(update.numel()) / Math.Max(update.norm().ToDouble(), 1e-30));

    private protected Tensor Orthogonal(Tensor matrix) => NewtonSchulz.Orthogonalize(matrix.reshape(matrix.size(0), -1), NewtonSchulzSteps);

    private bool IsMatrix(in Slot s) => Orthogonalize && s.Parameter.dim() >= 2;

    private void AdamStep(in Slot s, double beta1)
    {
        var g = s.Gradient;
        var m = s["exp_avg"].lerp_(g, 1 - beta1);
        var v = s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, 1 - Beta2);
        s.Parameter.addcdiv_(m, v.sqrt().div_(Math.Sqrt(s.Correction(Beta2))).add_(Epsilon), -s.Rate / s.Correction(beta1));
    }
}

/// <summary>
/// Muon (Jordan et al. 2024): the momentum of a hidden matrix is orthogonalized before the step; everything else is trained by AdamW. Decay
/// is decoupled.
/// </summary>
[Part("muon", "Jordan et al. 2024")]
public sealed record MuonRule : MuonFamilyRule
{
    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; } = true;

    /// <summary>The scale of the update.</summary>
    public MuonScaling Scaling { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Defined(Scaling);
    }

    private protected override Tensor Direction(in Slot s, Tensor buffer, double momentum)
    {
        buffer.lerp_(s.Gradient, 1 - momentum);
        var update = Orthogonal(Nesterov ? s.Gradient.lerp(buffer, momentum) : buffer);
        var (rows, columns) = (update.size(0), update.size(1));
        return update.mul_(Scaling == MuonScaling.MatchAdamW ? 0.2 * Math.Sqrt(Math.Max(rows, columns))
            : Math.Sqrt(Math.Max(1, rows / (double)columns)));
    }
}

/// <summary>
/// NorMuon (Li et al. 2025): Muon whose orthogonal update is divided, neuron by neuron (row), by the root of a moving average of its mean
/// square, then scaled to the size of an AdamW step.
/// </summary>
[Part("normuon", "Li et al. 2025")]
public sealed record NorMuonRule : MuonFamilyRule
{
    /// <summary>Decay of the mean square of each row, in [0, 1).</summary>
    public double RowBeta { get; init; } = 0.95;

    /// <summary>Added to the root of the mean square, at least 0.</summary>
    public double RowEpsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(RowBeta, 0, 1, includeMax: false).AtLeast(RowEpsilon, 0.0);
    }

    private protected override void StartMatrix(in Slot s) => s.Zeros("row_mean_sq", [s.Parameter.size(0), 1]);

    private protected override Tensor Direction(in Slot s, Tensor buffer, double momentum)
    {
        var update = Orthogonal(buffer.lerp_(s.Gradient, 1 - momentum));
        var mean = s["row_mean_sq"].lerp_(update.square().mean([1], keepdim: true), 1 - RowBeta);
        return Aligned(update / mean.sqrt().add_(RowEpsilon));
    }
}

/// <summary>
/// AdaMuon (Si et al. 2025): the sign of the momentum is orthogonalized, divided element by element by the root of a moving average of its
/// square, and scaled to the size of an AdamW step.
/// </summary>
[Part("adamuon", "Si et al. 2025")]
public sealed record AdaMuonRule : MuonFamilyRule
{
    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double ElementEpsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(ElementEpsilon, 0.0);
    }

    private protected override void StartMatrix(in Slot s) => s.Zeros("second_moment");

    private protected override Tensor Direction(in Slot s, Tensor buffer, double momentum)
    {
        var update = Orthogonal(buffer.mul_(momentum).add_(s.Gradient).sign());
        var square = s["second_moment"].reshape(update.shape).lerp_(update.square(), 1 - momentum);
        return Aligned(update / square.sqrt().add_(ElementEpsilon));
    }
}

/// <summary>
/// Scion (Pethick et al. 2025): steps of fixed size in the norm that suits each kind of weight - spectral for matrices and kernels (by
/// Newton-Schulz), root mean square for vectors. One momentum tensor; rates carry over between widths. Decoupled decay.
/// </summary>
[Part("scion", "Pethick et al. 2025")]
public sealed record ScionRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public ScionRule() => LearningRate = 1e-3;

    /// <summary>Weight of the new gradient in the average, in (0, 1].</summary>
    public double Momentum { get; init; } = 0.1;

    /// <summary>Radius of the norm ball, greater than 0.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>
    /// Keep the weights inside the ball (a Frank-Wolfe step): they shrink by 1 - rate first, instead of the weight decay.
    /// </summary>
    public bool Constraint { get; init; }

    /// <summary>Newton-Schulz iterations, at least 1.</summary>
    public int NewtonSchulzSteps { get; init; } = 5;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Must(Momentum is > 0 and <= 1, Momentum, "in (0, 1]", field: nameof(Momentum)).Positive(Scale)
            .AtLeast(NewtonSchulzSteps, 1);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("d");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var update = Direction(s["d"].lerp_(s.Gradient, Momentum));
        if (Constraint) s.Parameter.mul_(1 - s.Rate);
        else s.Shrink();
        s.Parameter.add_(update, alpha: -s.Rate * Scale);
    }

    /// <summary>The point of the unit ball farthest along <paramref name="d"/>.</summary>
    private Tensor Direction(Tensor d)
    {
        if (d.dim() < 2) return d.div((d.norm().ToDouble() / Math.Sqrt(Math.Max(1, d.numel()))) + 1e-8);
        var matrix = d.reshape(d.size(0), -1);
        var taps = matrix.size(1) / (double)d.size(1);
        return NewtonSchulz.Orthogonalize(matrix, NewtonSchulzSteps).mul_(Math.Sqrt(d.size(0) / (double)d.size(1)) / taps).reshape(d.shape);
    }
}

/// <summary>
/// The quintic Newton-Schulz iteration of Muon (Jordan et al. 2024): drives the singular values of a matrix towards 1 (about 0.7 to 1.2,
/// not exactly) with matrix products alone.
/// </summary>
public static class NewtonSchulz
{
    /// <summary>
    /// Orthogonalizes the matrices <paramref name="input"/> [..., rows, columns] approximately; <paramref name="steps"/> iterations with
    /// the coefficients (3.4445, -4.7750, 2.0315).
    /// </summary>
    public static Tensor Orthogonalize(Tensor input, int steps = 5)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() < 2) throw new ArgumentException($"A matrix is needed; the tensor has {input.dim()} dimensions.", nameof(input));
        using var scope = NewDisposeScope();
        const double A = 3.4445, B = -4.7750, C = 2.0315;
        var tall = input.size(-2) > input.size(-1);
        var x = tall ? input.transpose(-2, -1) : input;
        x = x / (x.square().sum([-2, -1], keepdim: true).sqrt() + 1e-7);
        for (var i = 0; i < steps; i++)
        {
            // The smaller Gram matrix: rows never exceed columns here.
            var gram = x.MatMul(x.transpose(-2, -1));
            var polynomial = (gram * B) + (gram.MatMul(gram) * C);
            x = (x * A) + polynomial.MatMul(x);
        }
        return (tall ? x.transpose(-2, -1) : x).MoveToOuterDisposeScope();
    }
}
