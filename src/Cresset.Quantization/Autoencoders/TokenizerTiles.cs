using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Large pictures and long signals piece by piece: each piece is taken with as much of its surroundings as the convolutions see, so that
/// codes and data are those of the whole, while memory is that of a piece.
/// </summary>
public static class TokenizerTiles
{
    /// <summary>Codes of data of any length or size, as <see cref="Tokenizer.Encode"/> gives them for the whole: int64 [N, h, w] or [N, l], with the stages at the end where there are several.</summary>
    /// <param name="model">The tokenizer, in any mode; it learns nothing.</param>
    /// <param name="data">[N, C, H, W] or [N, C, L], sizes that the stride divides.</param>
    /// <param name="tile">Positions of a piece along each side.</param>
    public static Tensor Encode(VqVae model, Tensor data, int tile)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tile);
        model.CheckData(data);
        var stride = model.Strides[0];
        return Pieces(data, 2, model.SpatialDimensions, stride, tile, model.EncoderReach, 1, part => model.Encode(part)[0], 1);
    }

    /// <summary>Data of codes, as <see cref="Tokenizer.Decode"/> gives them for the whole. Decoders with upsamplers that look where they learn to (CARAFE, DySample) or that are a user's own are not cut.</summary>
    /// <param name="model">The tokenizer.</param>
    /// <param name="codes">int64 [N, h, w] or [N, l], with the stages at the end where there are several.</param>
    /// <param name="tile">Positions of a piece along each side.</param>
    public static Tensor Decode(VqVae model, Tensor codes, int tile)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tile);
        if (codes.dim() < 1 + model.SpatialDimensions) throw new ArgumentException($"codes have the shape [{string.Join(", ", codes.shape)}]; expected {(model.SpatialDimensions == 2 ? "[N, h, w]" : "[N, l]")}, with the stages at the end where there are several.", nameof(codes));
        if (model.DecoderReach is not { } reach) return model.Decode([codes]);
        return Pieces(codes, 1, model.SpatialDimensions, 1, tile, reach, 2, part => model.Decode([part]), model.Strides[0]);
    }

    /// <param name="input">What is cut.</param>
    /// <param name="dimension">Its first dimension that is cut.</param>
    /// <param name="dimensions">How many are left to cut.</param>
    /// <param name="unit">Elements of the input a position.</param>
    /// <param name="tile">Positions of a piece.</param>
    /// <param name="reach">Positions beyond it that matter.</param>
    /// <param name="outDimension">The dimension of the output that corresponds.</param>
    /// <param name="work">What is done with a piece.</param>
    /// <param name="outUnit">Elements of the output a position.</param>
    private static Tensor Pieces(Tensor input, int dimension, int dimensions, int unit, int tile, int reach, int outDimension, Func<Tensor, Tensor> work, int outUnit)
    {
        if (dimensions == 0) return work(input);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var length = input.size(dimension) / unit;
        var parts = new List<Tensor>();
        for (var start = 0L; start < length; start += tile)
        {
            var count = Math.Min(tile, length - start);
            var (from, to) = (Math.Max(0, start - reach), Math.Min(length, start + count + reach));
            using var inner = NewDisposeScope();
            var part = Pieces(input.narrow(dimension, from * unit, (to - from) * unit), dimension + 1, dimensions - 1, unit, tile, reach, outDimension + 1, work, outUnit);
            parts.Add(part.narrow(outDimension, (start - from) * outUnit, count * outUnit).clone().MoveToOuterDisposeScope());
        }
        return cat([.. parts], outDimension).MoveToOuterDisposeScope();
    }
}
