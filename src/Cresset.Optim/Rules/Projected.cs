using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// GaLore (Zhao et al. 2024): AdamW whose moments live in the space of the leading singular vectors of a matrix's gradient, found anew
/// every
/// <see cref="Interval"/> steps. A matrix [m, n] keeps moments of rank min(m, n) instead of m n numbers twice; what is not a matrix, or no
/// larger than the rank, is trained by
/// AdamW. Decay is decoupled.
/// </summary>
[Part("galore", "Zhao et al. 2024")]
public sealed record GaloreRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public GaloreRule() => LearningRate = 1e-2;

    /// <summary>Singular vectors kept, at least 1.</summary>
    public int Rank { get; init; } = 128;

    /// <summary>Steps from one choice of singular vectors to the next, at least 1.</summary>
    public int Interval { get; init; } = 200;

    /// <summary>Factor of projected updates, greater than 0.</summary>
    public double Scale { get; init; } = 0.25;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment before its bias is corrected, as the authors' code does; at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(Rank, 1).AtLeast(Interval, 1).Positive(Scale)
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (!IsProjected(s.Parameter))
        {
            s.Zeros("exp_avg", "exp_avg_sq");
            return;
        }
        var (rows, columns) = (s.Parameter.size(0), s.Parameter.size(1));
        long[] moments = rows >= columns ? [rows, Rank] : [Rank, columns];
        s.Zeros("projection", rows >= columns ? [Rank, columns] : [rows, Rank]);
        s.Zeros("exp_avg", moments);
        s.Zeros("exp_avg_sq", moments);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var projected = IsProjected(s.Parameter);
        var tall = projected && s.Parameter.size(0) >= s.Parameter.size(1);
        var g = s.Gradient;
        Tensor basis = g;
        if (projected)
        {
            if ((s.Step - 1) % Interval == 0) s["projection"].copy_(LeadingVectors(g.to(s["projection"].dtype), tall));
            basis = s["projection"].to(g.dtype);
            g = tall ? g.MatMul(basis.t()) : basis.t().MatMul(g);
        }
        s["exp_avg"].lerp_(g, 1 - s.Momentum);
        s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, 1 - Beta2);
        var step = s.Rate * Math.Sqrt(s.Correction(Beta2)) / s.Correction(s.Momentum);
        var update = s["exp_avg"] / s["exp_avg_sq"].sqrt().add_(Epsilon);
        if (projected) update = (tall ? update.MatMul(basis) : basis.MatMul(update)) * Scale;
        s.Parameter.add_(update, alpha: -step);
        s.Shrink();
    }

    /// <summary>
    /// The right singular vectors [rank, n] of a tall matrix [m, n], the left ones [m, rank] of a wide one, each with the sign that makes
    /// its largest number positive: the moments outlive them. Numbers that are not finite count as 0 here: they reach the weights through
    /// the gradient.
    /// </summary>
    private Tensor LeadingVectors(Tensor gradient, bool tall)
    {
        var (left, _, right) = linalg.svd(gradient.nan_to_num(0, 0, 0), fullMatrices: false);
        var vectors = tall ? right.narrow(0, 0, Rank) : left.narrow(1, 0, Rank);
        var along = tall ? 1 : 0;
        return vectors * vectors.gather(along, vectors.abs().argmax(along, keepdim: true)).sign();
    }

    private bool IsProjected(Tensor parameter) => parameter.dim() == 2 && Math.Min(parameter.size(0), parameter.size(1)) > Rank;
}
