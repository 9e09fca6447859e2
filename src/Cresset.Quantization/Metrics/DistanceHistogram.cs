using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The distribution of |z - q|, the distance of vectors from their quantized values.</summary>
/// <param name="Edges">Bin edges, one more than there are bins, from 0 to the greatest distance.</param>
/// <param name="Counts">Vectors per bin; the last bin includes its upper edge.</param>
/// <param name="Mean">Mean distance.</param>
/// <param name="Greatest">Greatest distance.</param>
public sealed record DistanceHistogram(IReadOnlyList<double> Edges, IReadOnlyList<long> Counts, double Mean, double Greatest)
{
    /// <summary>Measures vectors [..., D] against their quantized values in the same shape.</summary>
    public static DistanceHistogram Of(Tensor vectors, Tensor quantized, int bins = 32)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        ArgumentNullException.ThrowIfNull(quantized);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bins);
        if (!vectors.shape.AsSpan().SequenceEqual(quantized.shape)) throw Shape.Wrong(quantized, Shape.Text(vectors));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var distances = (vectors.detach() - quantized.detach()).to(ScalarType.Float64).square().sum(-1).sqrt().reshape(-1).cpu()
            .data<double>().ToArray();
        if (Array.Exists(distances, d => !double.IsFinite(d)))
            throw new ArgumentException("The distances are not all finite: vectors or codes hold NaN or an infinity.", nameof(vectors));
        var greatest = distances.Length == 0 ? 0 : distances.Max();
        var counts = new long[bins];
        foreach (var distance in distances) counts[greatest == 0 ? 0 : Math.Min(bins - 1, (int)(distance / greatest * bins))]++;
        return new DistanceHistogram([.. Enumerable.Range(0, bins + 1).Select(i => greatest * i / bins)], counts,
            distances.Length == 0 ? 0 : distances.Average(), greatest);
    }
}
