using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Adafactor (Shazeer and Stern 2018), PyTorch's defaults: the second moment of a matrix is kept as a row and a column, rows + columns
/// numbers instead of rows * columns. Decoupled decay.
/// </summary>
[Part("adafactor", "Shazeer and Stern 2018")]
public sealed record AdafactorRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdafactorRule() => LearningRate = 1e-2;

    /// <summary>beta2 at step t is 1 - t^this; negative.</summary>
    public double Beta2Decay { get; init; } = -0.8;

    /// <summary>Floor of the variance (its square root); null for the machine epsilon of the dtype.</summary>
    public double? Epsilon1 { get; init; }

    /// <summary>Floor of the weights' root mean square that scales the step, at least 0.</summary>
    public double Epsilon2 { get; init; } = 1e-3;

    /// <summary>Largest root mean square of an update, at least 1.</summary>
    public double ClippingThreshold { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Must(Beta2Decay <= 0 && double.IsFinite(Beta2Decay), Beta2Decay, "0 or negative (usual: -0.8)", field: nameof(Beta2Decay))
        .Must(Epsilon1 is null or >= 0, Epsilon1, "null or at least 0", field: nameof(Epsilon1))
        .AtLeast(Epsilon2, 0.0)
        .AtLeast(ClippingThreshold, 1.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (s.Parameter.dim() > 1) FactoredMoment.Start(s, "row_var", "col_var");
        else s.Zeros("variance");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (p, g, t) = (s.Parameter, s.Gradient, (double)s.Step);
        var floor = Epsilon1 ?? (p.dtype == ScalarType.Float64 ? 2.220446049250313e-16 : 1.1920928955078125e-07);
        var fresh = Math.Pow(t, Beta2Decay);
        var alpha = Math.Max(Epsilon2, FactoredMoment.Size(p)) * Math.Min(s.Rate, 1 / Math.Sqrt(t));
        s.Shrink();
        Tensor variance;
        if (g.dim() > 1)
        {
            var rows = s["row_var"].lerp_(g.square().mean([-1], keepdim: true), fresh);
            var columns = s["col_var"].lerp_(g.square().mean([-2], keepdim: true), fresh);
            variance = rows.MatMul(columns).div_(rows.mean([-2], keepdim: true).clamp_(min: floor));
        }
        else
        {
            variance = s["variance"].lerp_(g.square(), fresh).clone();
        }
        var update = variance.clamp_(min: floor * floor).rsqrt_().mul_(g);
        p.add_(update, alpha: -alpha / Math.Max(1, FactoredMoment.Size(update) / ClippingThreshold));
    }
}

/// <summary>
/// Adafactor of the Big Vision recipes (Zhai et al. 2022): a capped beta2, an optional momentum of the scaled update, no scaling by the
/// size of the weights; only the two largest dimensions of a tensor are factored, and only if both are long. Decoupled decay.
/// </summary>
[Part("adafactor-bv", "Zhai et al. 2022")]
public sealed record AdafactorBigVisionRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public AdafactorBigVisionRule() => LearningRate = 1e-3;

    /// <summary>Shorter dimensions are not factored.</summary>
    public int MinimumFactoredSize { get; init; } = 32;

    /// <summary>beta2 at step t is 1 - t^-this, greater than 0.</summary>
    public double DecayRate { get; init; } = 0.8;

    /// <summary>Largest beta2, in [0, 1).</summary>
    public double Beta2Cap { get; init; } = 0.999;

    /// <summary>Decay of the momentum of the update, in [0, 1); 0 keeps none.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Added to squared gradients, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    /// <summary>Largest root mean square of an update; null for no limit.</summary>
    public double? ClippingThreshold { get; init; }

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024); needs momentum.</summary>
    public bool Cautious { get; init; }

    /// <summary>Decay by WeightDecay itself instead of rate * WeightDecay.</summary>
    public bool UnscaledDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(MinimumFactoredSize, 1).Positive(DecayRate).Within(Beta2Cap, 0, 1, includeMax: false)
            .Within(Momentum, 0, 1, includeMax: false)
        .AtLeast(Epsilon, 0.0)
        .Must(ClippingThreshold is null or > 0, ClippingThreshold, "null or greater than 0", field: nameof(ClippingThreshold));

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (Momentum > 0) s.Zeros("exp_avg");
        if (Factored(s.Parameter) is not { } dimensions)
        {
            s.Zeros("exp_avg_sq");
            return;
        }
        var (rows, columns) = (s.Parameter.shape, s.Parameter.shape);
        (rows[dimensions.Longest], columns[dimensions.Second]) = (1, 1);
        s.Zeros("exp_avg_sq_r", rows);
        s.Zeros("exp_avg_sq_c", columns);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var fresh = 1 - Math.Min(Beta2Cap, 1 - Math.Pow(s.Step, -DecayRate));
        var square = s.Gradient.square().add_(Epsilon);
        Tensor update;
        if (Factored(s.Parameter) is { } dimensions)
        {
            var rows = s["exp_avg_sq_r"].lerp_(square.mean([dimensions.Longest], keepdim: true), fresh);
            var columns = s["exp_avg_sq_c"].lerp_(square.mean([dimensions.Second], keepdim: true), fresh);
            update = (rows / rows.mean([dimensions.Second], keepdim: true)).rsqrt_() * columns.rsqrt() * s.Gradient;
        }
        else
        {
            update = s["exp_avg_sq"].lerp_(square, fresh).rsqrt().mul_(s.Gradient);
        }
        if (ClippingThreshold is { } limit) update.div_(Math.Max(1, FactoredMoment.Size(update) / limit));
        if (Momentum > 0)
        {
            update = s["exp_avg"].lerp_(update, 1 - s.Momentum);
            if (Cautious) update = Slot.Cautious(update, s.Gradient);
        }
        s.Shrink(UnscaledDecay && s.Rate > 0 ? 1 / s.Rate : 1);
        s.Parameter.add_(update, alpha: -s.Rate);
    }

    /// <summary>Whether a tensor is factored and its longest dimension comes before the second.</summary>
    internal bool IsFactoredBackwards(Tensor parameter) => Factored(parameter) is { } d && d.Second > d.Longest;

    /// <summary>The two longest dimensions, if both are long enough.</summary>
    private (int Second, int Longest)? Factored(Tensor parameter)
    {
        if (parameter.dim() < 2) return null;
        var order = parameter.shape.Select((length, dimension) => (length, dimension)).Order().ToArray();
        return order[^2].length < MinimumFactoredSize ? null : (order[^2].dimension, order[^1].dimension);
    }
}

/// <summary>
/// Adafactor with the options of the T5 recipes (Shazeer and Stern 2018 as fairseq and Hugging Face have it): relative steps, scaling by
/// the size of the weights, warm-up, optional momentum. Decoupled decay.
/// </summary>
[Part("adafactor-t5", "Shazeer and Stern 2018")]
public sealed record AdafactorT5Rule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public AdafactorT5Rule() => LearningRate = 1e-3;

    /// <summary>Take the rate from the step: min(0.01, 1 / sqrt(t)); LearningRate is then ignored.</summary>
    public bool RelativeStep { get; init; }

    /// <summary>With relative steps: min(1e-6 t, 1 / sqrt(t)).</summary>
    public bool WarmUp { get; init; }

    /// <summary>With relative steps: multiply the rate by the root mean square of the weights.</summary>
    public bool ScaleParameter { get; init; } = true;

    /// <summary>beta2 at step t is 1 - t^this; negative.</summary>
    public double DecayRate { get; init; } = -0.8;

    /// <summary>Decay of a momentum of the updates, in [0, 1); null keeps none.</summary>
    public double? Beta1 { get; init; }

    /// <summary>Added to squared gradients, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    /// <summary>Smallest size of the weights that scales the rate, at least 0.</summary>
    public double ScaleFloor { get; init; } = 1e-3;

    /// <summary>Largest root mean square of an update, greater than 0.</summary>
    public double ClippingThreshold { get; init; } = 1;

    /// <summary>Matrices are factored when both dimensions are longer.</summary>
    public int MinimumFactoredSize { get; init; } = 16;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Must(DecayRate < 0 && double.IsFinite(DecayRate), DecayRate, "negative (usual: -0.8)", field: nameof(DecayRate))
        .Must(Beta1 is null or (>= 0 and < 1), Beta1, "null or in [0, 1)", field: nameof(Beta1))
        .Must(!WarmUp || RelativeStep, WarmUp, "false unless RelativeStep is true", field: nameof(WarmUp))
        .AtLeast(Epsilon, 0.0).AtLeast(ScaleFloor, 0.0).Positive(ClippingThreshold).AtLeast(MinimumFactoredSize, 0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (Beta1 is not null) s.Zeros("exp_avg");
        if (IsFactored(s.Parameter)) FactoredMoment.Start(s, "exp_avg_sq_row", "exp_avg_sq_col");
        else s.Zeros("exp_avg_sq");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (p, g, t, rate) = (s.Parameter, s.Gradient, (double)s.Step, s.Rate);
        if (RelativeStep)
        {
            rate = Math.Min(WarmUp ? 1e-6 * t : 0.01, 1 / Math.Sqrt(t));
            if (ScaleParameter) rate *= Math.Max(ScaleFloor, FactoredMoment.Size(p));
        }
        var fresh = Math.Pow(t, DecayRate);
        var square = g.square().add_(Epsilon);
        Tensor update;
        if (IsFactored(p))
        {
            FactoredMoment.Track(s, "exp_avg_sq_row", "exp_avg_sq_col", square, fresh);
            update = FactoredMoment.InverseRoot(s, "exp_avg_sq_row", "exp_avg_sq_col").mul_(g);
        }
        else
        {
            update = s["exp_avg_sq"].lerp_(square, fresh).rsqrt().mul_(g);
        }
        update.mul_(rate / Math.Max(1, FactoredMoment.Size(update) / ClippingThreshold));
        if (Beta1 is not null) update = s["exp_avg"].lerp_(update, 1 - s.Momentum);
        if (s.Decay != 0) p.mul_(1 - (s.Decay * rate));
        p.sub_(update);
    }

    private bool IsFactored(Tensor parameter)
        => parameter.dim() >= 2 && parameter.size(-1) > MinimumFactoredSize && parameter.size(-2) > MinimumFactoredSize;
}

/// <summary>
/// CAME (Luo et al. 2023): Adafactor with momentum, whose step is scaled by a factored measure of how much the updates can be trusted.
/// Vectors keep a full second moment. Decoupled decay.
/// </summary>
[Part("came", "Luo et al. 2023")]
public sealed record CameRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public CameRule() => LearningRate = 2e-4;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Decay of the confidence, in [0, 1).</summary>
    public double Beta3 { get; init; } = 0.9999;

    /// <summary>Added to squared gradients, greater than 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    /// <summary>Largest root mean square of an update, greater than 0.</summary>
    public double ClippingThreshold { get; init; } = 1;

    /// <summary>Added to the squared instability, at least 0.</summary>
    public double ConfidenceEpsilon { get; init; } = 1e-16;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).Within(Beta3, 0, 1, includeMax: false)
        .Positive(Epsilon).Positive(ClippingThreshold).AtLeast(ConfidenceEpsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("exp_avg");
        if (s.Parameter.dim() < 2)
        {
            s.Zeros("exp_avg_sq");
            return;
        }
        FactoredMoment.Start(s, "exp_avg_sq_row", "exp_avg_sq_col");
        FactoredMoment.Start(s, "exp_avg_res_row", "exp_avg_res_col");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var square = s.Gradient.square().add_(Epsilon);
        var factored = s.Parameter.dim() >= 2;
        if (factored) FactoredMoment.Track(s, "exp_avg_sq_row", "exp_avg_sq_col", square, 1 - Beta2);
        else s["exp_avg_sq"].lerp_(square, 1 - Beta2);
        var update = (factored ? FactoredMoment.InverseRoot(s, "exp_avg_sq_row", "exp_avg_sq_col")
            : s["exp_avg_sq"].rsqrt()).mul_(s.Gradient);
        update.div_(Math.Max(1, FactoredMoment.Size(update) / ClippingThreshold));
        var m = s["exp_avg"].lerp_(update, 1 - s.Momentum);
        if (factored)
        {
            FactoredMoment.Track(s, "exp_avg_res_row", "exp_avg_res_col", (update - m).square().add_(ConfidenceEpsilon), 1 - Beta3);
            m = FactoredMoment.InverseRoot(s, "exp_avg_res_row", "exp_avg_res_col").mul_(m);
        }
        s.Shrink();
        s.Parameter.add_(m, alpha: -s.Rate);
    }
}

/// <summary>
/// SM3 (Anil et al. 2019): Adagrad whose squared sums are kept as one number for each row, column and so on; the sum of a weight is bounded
/// by the smallest of its own. Decoupled decay.
/// </summary>
[Part("sm3", "Anil et al. 2019")]
public sealed record Sm3Rule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public Sm3Rule() => LearningRate = 0.1;

    /// <summary>Decay of a momentum of the updates, in [0, 1); 0 keeps none.</summary>
    public double Momentum { get; init; }

    /// <summary>Decay of the squared sums, in [0, 1); 0 adds them up as Adagrad does.</summary>
    public double Beta { get; init; }

    /// <summary>Added to the squared sum, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Momentum, 0, 1, includeMax: false).Within(Beta, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        for (var i = 0; i < Math.Max(1, s.Parameter.dim()); i++)
        {
            var at = i;
            s.Zeros(Cover(i), s.Parameter.shape.Select((length, dimension) => dimension == at ? length : 1).ToArray());
        }
        if (Momentum > 0) s.Zeros("momentum_buffer");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        s.Shrink();
        var order = (int)s.Parameter.dim();
        var sum = s[Cover(0)].expand_as(s.Parameter).clone();
        for (var i = 1; i < order; i++) sum = minimum(sum, s[Cover(i)]);
        if (Beta > 0) sum.mul_(Beta);
        sum.addcmul_(s.Gradient, s.Gradient, 1 - Beta);
        for (var i = 0; i < Math.Max(1, order); i++)
        {
            var at = i;
            var others = Enumerable.Range(0, order).Where(d => d != at).Select(d => (long)d).ToArray();
            var largest = others.Length == 0 ? sum : sum.amax(others, keepdim: true);
            var cover = s[Cover(i)];
            cover.copy_(Beta > 0 ? maximum(cover, largest) : largest);
        }
        var update = sum.add_(Epsilon).rsqrt_().mul_(s.Gradient);
        if (Momentum > 0) update = s["momentum_buffer"].lerp_(update, 1 - s.Momentum);
        s.Parameter.add_(update, alpha: -s.Rate);
    }

    private static string Cover(int dimension) => FormattableString.Invariant($"accumulator_{dimension}");
}

/// <summary>A second moment kept as row means and column means of the last two dimensions (Shazeer and Stern 2018).</summary>
internal static class FactoredMoment
{
    public static void Start(in Slot s, string row, string column)
    {
        var (rows, columns) = (s.Parameter.shape, s.Parameter.shape);
        (rows[^1], columns[^2]) = (1, 1);
        s.Zeros(row, rows);
        s.Zeros(column, columns);
    }

    public static void Track(in Slot s, string row, string column, Tensor square, double fresh)
    {
        s[row].lerp_(square.mean([-1], keepdim: true), fresh);
        s[column].lerp_(square.mean([-2], keepdim: true), fresh);
    }

    /// <summary>1 / sqrt(row * column / mean of rows).</summary>
    public static Tensor InverseRoot(in Slot s, string row, string column)
        => (s[row] / s[row].mean([-2], keepdim: true)).rsqrt_() * s[column].rsqrt();

    /// <summary>The root mean square.</summary>
    public static double Size(Tensor x) => x.norm().ToDouble() / Math.Sqrt(Math.Max(1, x.numel()));
}
