using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Fixed sine and cosine features of a number per sample (a diffusion time), [N] to [N, dim]. Vaswani et al. 2017; Ho et al. 2020.
/// Frequencies run geometrically from 1 to 1/maxPeriod.
/// </summary>
public sealed class SinusoidalEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly long _dim;
    private readonly double _maxPeriod;
    private readonly double _scale;
    private readonly bool _cosineFirst;
    private readonly double _frequencyShift;

    /// <summary>Builds the embedding.</summary>
    /// <param name="dim">Number of features; an odd number leaves the last one 0.</param>
    /// <param name="maxPeriod">Longest period / 2 pi.</param>
    /// <param name="scale">Multiplies the time first (1000 for times in [0, 1]).</param>
    /// <param name="cosineFirst">Cosines in the first half (SD3, DiT); otherwise sines (DDPM).</param>
    /// <param name="frequencyShift">Frequencies are maxPeriod^(-i / (dim/2 - shift)): 1 in DDPM, 0 in DiT and SD3.</param>
    public SinusoidalEmbedding(long dim, double maxPeriod = 10_000, double scale = 1, bool cosineFirst = true, double frequencyShift = 0)
        : base(nameof(SinusoidalEmbedding))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dim, 2);
        if (dim / 2 <= frequencyShift)
            throw new ArgumentOutOfRangeException(nameof(frequencyShift), frequencyShift,
                $"SinusoidalEmbedding: the shift must be below dim / 2 = {dim / 2}.");
        (_dim, _maxPeriod, _scale, _cosineFirst, _frequencyShift) = (dim, maxPeriod, scale, cosineFirst, frequencyShift);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N");
        using var scope = NewDisposeScope();
        var type = input.is_floating_point() ? input.dtype : ScalarType.Float32;
        // Half types hold neither the phases nor the frequencies: the angles are float32 or better.
        var wide = type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var half = _dim / 2;
        var frequencies = (arange(half, dtype: wide, device: input.device) * (-Math.Log(_maxPeriod) / (half - _frequencyShift))).exp();
        var angles = (input.to(wide) * _scale).unsqueeze(1) * frequencies; // [N, dim/2]
        var parts = _cosineFirst ? [angles.cos(), angles.sin()] : new List<Tensor> { angles.sin(), angles.cos() };
        if (_dim % 2 == 1) parts.Add(zeros(input.size(0), 1, dtype: wide, device: input.device));
        return cat(parts, 1).to(type).MoveToOuterDisposeScope();
    }
}
