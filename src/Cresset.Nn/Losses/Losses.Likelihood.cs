using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Losses
{
    /// <summary>
    /// Half of log v + (mean - target)^2 / v for each number: the negative logarithm of a normal density, without its constant unless
    /// <paramref name="full"/>. TorchSharp 0.107 sums over features first and takes variances of any shape.
    /// </summary>
    /// <param name="mean">Predicted means.</param>
    /// <param name="target">Numbers of the same shape.</param>
    /// <param name="variance">Predicted variances: of the same shape, with a last dimension of 1, or without the last dimension.</param>
    /// <param name="full">Add log(2 pi) / 2.</param>
    /// <param name="epsilon">The smallest variance, greater than 0; gradients pass as if there were none.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    /// <exception cref="ArgumentException">A variance is negative (looked at on the CPU only).</exception>
    public static Tensor GaussianNll(Tensor mean, Tensor target, Tensor variance, bool full = false, double epsilon = 1e-6,
        LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(mean, nameof(GaussianNll));
        SameShape(nameof(GaussianNll), (nameof(mean), mean), (nameof(target), target));
        if (!(epsilon > 0) || !double.IsFinite(epsilon))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "The smallest variance must be greater than 0.");
        using var scope = NewDisposeScope();
        var v = variance.to(type);
        if (!Fits(v.shape, mean.shape))
        {
            if (mean.dim() == 0 || !v.shape.AsSpan().SequenceEqual(mean.shape.AsSpan()[..^1]))
                throw Shape.Wrong(variance, $"{Shape.Text(mean)}, or that with a last dimension of 1 or none");
            v = v.unsqueeze(-1);
        }
        if (IsReadable(v) && v.lt(0).any().ToBoolean())
            throw new ArgumentException("GaussianNll: a variance is negative; predict its logarithm and take the exponential, or softplus.",
                nameof(variance));
        v = v + (v.clamp_min(epsilon) - v).detach();
        var losses = (v.log() + ((mean.to(type) - target.to(type)).square() / v)) / 2;
        if (full) losses = losses + (Math.Log(2 * Math.PI) / 2);
        return Reduce(losses, reduction).to(mean.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Connectionist temporal classification (Graves et al. 2006), libtorch's own: log-probabilities [T, N, C] (or [T, C]) of classes over
    /// time against texts of classes, [N, S] padded or one after the other. The mean first divides each loss by the length of its text.
    /// </summary>
    /// <param name="logProbabilities">Log-probabilities.</param>
    /// <param name="targets">Class indices.</param>
    /// <param name="inputLengths">Steps of each sample, [N] (or []).</param>
    /// <param name="targetLengths">Length of each text, [N] (or []).</param>
    /// <param name="blank">Class of the blank.</param>
    /// <param name="zeroInfinity">A text that does not fit into its steps costs 0 and not infinity.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ArgumentException">The blank is not a class, lengths and sizes do not fit, or, on the CPU, a text names a class
    /// that is not there, or the blank.</exception>
    public static Tensor Ctc(Tensor logProbabilities, Tensor targets, Tensor inputLengths, Tensor targetLengths, long blank = 0,
        bool zeroInfinity = false, LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(logProbabilities, nameof(Ctc));
        if (logProbabilities.dim() is not (2 or 3)) throw Shape.Wrong(logProbabilities, "[T, N, C] or [T, C]");
        var classes = logProbabilities.size(-1);
        if (blank < 0 || blank >= classes)
            throw new ArgumentOutOfRangeException(nameof(blank), blank,
                $"The blank must be one of the {classes} classes, 0 to {classes - 1}.");
        foreach (var (name, numbers) in new[]
            { (nameof(targets), targets), (nameof(inputLengths), inputLengths), (nameof(targetLengths), targetLengths) })
        {
            if (numbers.dtype is not (ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64))
                throw new ArgumentException($"Ctc: {name} is {numbers.dtype}; expected whole numbers.", name);
        }
        using var scope = NewDisposeScope();
        (targets, inputLengths, targetLengths) =
            (targets.to(ScalarType.Int64), inputLengths.to(ScalarType.Int64), targetLengths.to(ScalarType.Int64));
        var single = logProbabilities.dim() == 2;
        var rows = single ? logProbabilities.unsqueeze(1) : logProbabilities;
        var samples = rows.size(1);
        if (samples == 0 || rows.size(0) == 0)
            throw Shape.Wrong(logProbabilities, "[T, N, C] or [T, C]", "One step and one sample at least are needed.");
        foreach (var (name, lengths) in new[] { (nameof(inputLengths), inputLengths), (nameof(targetLengths), targetLengths) })
        {
            if (lengths.numel() != samples)
                throw new ShapeException($"Ctc: {name} has shape {Shape.Text(lengths)}; expected one for each of {samples} samples.");
        }
        if (IsReadable(inputLengths) && inputLengths.gt(rows.size(0)).logical_or(inputLengths.lt(0)).any().ToBoolean())
            throw new ArgumentException($"Ctc: a length of {inputLengths.max().ToInt64()} steps; there are {rows.size(0)}.",
                nameof(inputLengths));
        var texts = single && targets.dim() == 1 ? targets.unsqueeze(0) : targets;
        if (texts.dim() == 2 ? texts.size(0) != samples : texts.dim() != 1)
            throw Shape.Wrong(targets, $"[{samples}, S], or all texts one after the other");
        if (IsReadable(targetLengths) && targetLengths.lt(0).any().ToBoolean())
            throw new ArgumentException($"Ctc: a text of length {targetLengths.min().ToInt64()}; lengths are 0 or more.",
                nameof(targetLengths));
        if (IsReadable(targetLengths)
            && (texts.dim() == 2 ? targetLengths.max().ToInt64() > texts.size(1) : targetLengths.sum().ToInt64() != texts.numel()))
        {
            throw new ArgumentException($"Ctc: targetLengths do not fit targets of shape {Shape.Text(targets)}.", nameof(targetLengths));
        }
        if (IsReadable(texts)) CheckText(texts, targetLengths, classes, blank);
        var losses = nn.functional.ctc_loss(rows.to(type), texts, inputLengths.reshape(-1), targetLengths.reshape(-1), blank, zeroInfinity,
            nn.Reduction.None);
        if (reduction == LossReduction.Mean) losses = losses / targetLengths.reshape(-1).to(losses.device).clamp_min(1).to(losses.dtype);
        if (single) losses = losses.squeeze(0);
        return Reduce(losses, reduction).to(logProbabilities.dtype).MoveToOuterDisposeScope();
    }

    // libtorch reads the log-probability of whatever class is named, in the tensor or beyond it. Padding may hold anything.
    private static void CheckText(Tensor targets, Tensor lengths, long classes, long blank)
    {
        var counts = targets.dim() == 1 ? ones_like(targets, dtype: ScalarType.Bool)
            : arange(targets.size(1), device: targets.device).unsqueeze(0).lt(lengths.reshape(-1, 1).to(targets.device));
        var wrong = targets.lt(0).logical_or(targets.ge(classes)).logical_or(targets.eq(blank)).logical_and(counts);
        if (!wrong.any().ToBoolean()) return;
        var first = targets.masked_select(wrong)[0].ToInt64();
        throw new ArgumentException(
            $"Ctc: targets hold class {first}; "
                + (first == blank ? "that is the blank, which is no letter of a text."
                    : $"allowed: 0 to {classes - 1} without {blank}, the blank."), nameof(targets));
    }

    /// <summary>Binary cross-entropy of logits, softplus(x) - t x, with the loss of positive targets times a factor.</summary>
    internal static Tensor LogitCrossEntropy(Tensor logits, Tensor target, double positiveWeight = 1)
    {
        return (target * Softplus(-logits) * positiveWeight) + ((1 - target) * Softplus(logits));
    }

    /// <summary>log(1 + e^x) to the last digit of float64: libtorch's own goes straight from 20 on.</summary>
    internal static Tensor Softplus(Tensor x) => nn.functional.softplus(x, 1, 40);

    private static bool Fits(ReadOnlySpan<long> variance, ReadOnlySpan<long> mean)
        => variance.SequenceEqual(mean)
            || (mean.Length > 0 && variance.Length == mean.Length && variance[^1] == 1 && variance[..^1].SequenceEqual(mean[..^1]));
}
