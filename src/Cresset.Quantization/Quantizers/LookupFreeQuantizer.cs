using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Binary codes from signs: LFQ, and BSQ when spherical. The first number is the most significant bit of the index.</summary>
public sealed class LookupFreeQuantizer : Quantizer
{
    private readonly LookupFreeQuantizerOptions _options;
    private readonly double _scale;

    /// <summary>Has no parameters.</summary>
    public LookupFreeQuantizer(LookupFreeQuantizerOptions options)
        : base(nameof(LookupFreeQuantizer))
    {
        _options = options.ThrowIfInvalid();
        _scale = options.Spherical ? 1 / Math.Sqrt(options.Bits) : 1;
        CodebookSizes = [1L << options.Bits];
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Bits;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes { get; }

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var vectors = _options.Spherical ? UnitVectors.Of(batch.Rows) : batch.Rows;
        var bits = vectors.detach() > 0;
        var codes = (bits.to(vectors.dtype) * (2 * _scale)) - _scale;
        var indices = (bits.to(ScalarType.Int64) * Powers(vectors.device)).sum(1, keepdim: true);
        var sample = BinaryEntropies.PerVector(vectors, 4 * _options.InverseTemperature * _scale);
        var joint = BinaryEntropies.OfMean(vectors, 4 * _options.InverseTemperature * _scale, _options.EntropyGroupBits);
        return new RowResult(StraightThrough.Apply(vectors, codes), indices,
        [
            new("commitment", nn.functional.mse_loss(vectors, codes), _options.CommitmentWeight),
            new("entropy", sample - (_options.DiversityGamma * joint), _options.EntropyWeight),
            new("sample_entropy", sample.detach(), 0),
            new("codebook_entropy", joint.detach(), 0),
        ]);
    }

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var flat = indices.reshape(-1);
        var bits = flat.clamp_min(0).unsqueeze(1).div(Powers(indices.device), RoundingMode.floor).remainder(2).to(ScalarType.Float32);
        return ((bits * (2 * _scale)) - _scale).masked_fill((flat < 0).unsqueeze(1), 0).MoveToOuterDisposeScope();
    }

    private Tensor Powers(Device device)
    {
        var powers = new long[_options.Bits];
        for (var i = 0; i < powers.Length; i++) powers[i] = 1L << (_options.Bits - 1 - i);
        return tensor(powers, device: device);
    }
}
