using Cresset.Data;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Scores drawn pictures with a network trained on the real ones: which class each one is, and how far the whole set lies from the real set
/// (Frechet distance of the network's features). It takes no part in training.
/// </summary>
internal abstract class PictureJudge : IDisposable
{
    /// <summary>Means [F] and covariance [F, F] of the features of real pictures.</summary>
    private protected abstract (Tensor Mean, Tensor Covariance) Real { get; }

    /// <summary>Logits [N, classes] and features [N, F] of pictures in 0..1.</summary>
    public abstract (Tensor Logits, Tensor Features) Look(Tensor pictures);

    /// <summary>The judge of a data set that comes with Cresset; null for others.</summary>
    internal static PictureJudge? Of(DataFacts facts) => facts.KnownSet() switch
    {
        "digits" => new DigitsJudge(),
        "garments" or "fashion" => new GarmentsJudge(),
        _ => null,
    };

    /// <summary>Share of pictures judged to be of the class asked for [N], and the distance of the set from the real pictures.</summary>
    public (double Accepted, double Distance) Score(Tensor pictures, Tensor classes)
    {
        using var scope = NewDisposeScope();
        var (logits, features) = Look(pictures);
        var accepted = logits.argmax(1).eq(classes).to(ScalarType.Float64).mean().item<double>();
        return (accepted, Distance(features.to(ScalarType.Float64)));
    }

    /// <summary>Frees the network.</summary>
    public abstract void Dispose();

    // |m1 - m2|^2 + tr(C1 + C2 - 2 (C2^1/2 C1 C2^1/2)^1/2), Dowson and Landau 1982.
    private double Distance(Tensor features)
    {
        var mean = features.mean([0]);
        var centred = features - mean;
        var covariance = centred.t().MatMul(centred) / Math.Max(1, features.size(0) - 1);
        Tensor realMean = Real.Mean.to(ScalarType.Float64), realCovariance = Real.Covariance.to(ScalarType.Float64);
        var (values, vectors) = linalg.eigh(realCovariance);
        var root = vectors.MatMul(diag(values.clamp_min(0).sqrt())).MatMul(vectors.t());
        var cross = linalg.eigvalsh(root.MatMul(covariance).MatMul(root)).clamp_min(0).sqrt().sum();
        return ((mean - realMean).square().sum() + covariance.trace() + realCovariance.trace() - (cross * 2)).item<double>();
    }
}
