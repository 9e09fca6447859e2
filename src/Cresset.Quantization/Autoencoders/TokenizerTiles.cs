using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Large pictures and long signals piece by piece: each piece is taken with as much of its surroundings as the convolutions see, so that
/// codes and data are those of the whole, while memory is that of a piece.
/// </summary>
public static class TokenizerTiles
{
    /// <summary>
    /// Codes of data of any length or size, as <see cref="Tokenizer.Encode"/> gives them for the whole: int64 [N, h, w] or [N, l], with the
    /// stages at the end where there are several.
    /// </summary>
    /// <param name="model">The tokenizer of one level, in any mode; it learns nothing. One whose codes depend on all of the data
    /// (attention, norms over the whole) gets the data uncut.</param>
    /// <param name="data">[N, C, H, W] or [N, C, L], sizes that the stride divides.</param>
    /// <param name="tile">Positions of a piece along each side.</param>
    public static Tensor Encode(Tokenizer model, Tensor data, int tile)
    {
        Check(model, tile);
        ArgumentNullException.ThrowIfNull(data);
        model.CheckData(data);
        if (model.EncoderReach is not { } reach || HasScales(model)) return model.Encode(data)[0];
        return Pieces(data, 2, model.SpatialDimensions, model.Strides[0], tile, reach, 1, part => model.Encode(part)[0], 1);
    }

    /// <summary>
    /// Codes of a signal that is read piece by piece, as <see cref="Encode"/> gives them for the whole: int64 [N, n] a piece, with the
    /// stages at the end where there are several.
    /// </summary>
    /// <param name="model">A tokenizer of signals with one level.</param>
    /// <param name="positions">Positions of the whole.</param>
    /// <param name="tile">Positions of a piece.</param>
    /// <param name="read">Samples [N, C, n] from the first, a number of them that the stride divides.</param>
    public static IEnumerable<Tensor> EncodePieces(Tokenizer model, long positions, int tile, Func<long, int, Tensor> read)
    {
        Check(model, tile);
        ArgumentNullException.ThrowIfNull(read);
        var stride = model.Strides[0];
        return PiecesOf(positions, tile, model.EncoderReach,
            (from, count) => model.Encode(read(from * stride, checked((int)(count * stride))))[0], 1, 1);
    }

    /// <summary>
    /// A signal of codes int64 [N, l] (with the stages at the end where there are several), piece by piece: [N, C, n] each.
    /// </summary>
    /// <param name="model">A tokenizer of signals with one level.</param>
    /// <param name="codes">The codes of the whole.</param>
    /// <param name="tile">Positions of a piece.</param>
    public static IEnumerable<Tensor> DecodePieces(Tokenizer model, Tensor codes, int tile)
    {
        Check(model, tile);
        ArgumentNullException.ThrowIfNull(codes);
        return PiecesOf(codes.size(1), tile, model.DecoderReach, (from, count) => model.Decode([codes.narrow(1, from, count)]), 2,
            model.Strides[0]);
    }

    /// <summary>
    /// Data of codes, as <see cref="Tokenizer.Decode"/> gives them for the whole. Decoders with upsamplers that look where they learn to
    /// (CARAFE, DySample) or that are a user's own are not cut.
    /// </summary>
    /// <param name="model">The tokenizer.</param>
    /// <param name="codes">int64 [N, h, w] or [N, l], with the stages at the end where there are several.</param>
    /// <param name="tile">Positions of a piece along each side.</param>
    public static Tensor Decode(Tokenizer model, Tensor codes, int tile)
    {
        Check(model, tile);
        ArgumentNullException.ThrowIfNull(codes);
        if (HasScales(model)) return model.Decode([codes]);
        if (codes.dim() < 1 + model.SpatialDimensions)
            throw new ArgumentException(
                $"codes have the shape [{string.Join(", ", codes.shape)}]; expected "
                    + $"{(model.SpatialDimensions == 2 ? "[N, h, w]" : "[N, l]")}, with the stages at the end where there are several.",
                    nameof(codes));
        if (model.DecoderReach is not { } reach) return model.Decode([codes]);
        return Pieces(codes, 1, model.SpatialDimensions, 1, tile, reach, 2, part => model.Decode([part]), model.Strides[0]);
    }

    private static void Check(Tokenizer model, int tile)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tile);
        if (model.Strides.Count != 1)
            throw new ArgumentException($"The tokenizer has {model.Strides.Count} levels of codes; pieces are made for one.",
                nameof(model));
    }

    // Their codes stand for the whole.
    private static bool HasScales(Tokenizer model) => model.Quantizers[0].Scales.Count > 0;

    private static IEnumerable<Tensor> PiecesOf(long positions, int tile, int? reach, Func<long, long, Tensor> work, int outDimension,
        int outUnit)
    {
        if (reach is null) tile = checked((int)Math.Max(1, positions));
        for (var start = 0L; start < positions; start += tile)
        {
            var count = Math.Min(tile, positions - start);
            var (from, to) = (Math.Max(0, start - (reach ?? 0)), Math.Min(positions, start + count + (reach ?? 0)));
            Tensor piece;
            using (no_grad())
            using (NewDisposeScope())
            {
                piece = work(from, to - from).narrow(outDimension, (start - from) * outUnit, count * outUnit).clone()
                    .DetachFromDisposeScope();
            }
            using (piece) yield return piece;
        }
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
    private static Tensor Pieces(Tensor input, int dimension, int dimensions, int unit, int tile, int reach, int outDimension,
        Func<Tensor, Tensor> work, int outUnit)
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
            var part = Pieces(input.narrow(dimension, from * unit, (to - from) * unit), dimension + 1, dimensions - 1, unit, tile, reach,
                outDimension + 1, work, outUnit);
            parts.Add(part.narrow(outDimension, (start - from) * outUnit, count * outUnit).clone().MoveToOuterDisposeScope());
        }
        return cat([.. parts], outDimension).MoveToOuterDisposeScope();
    }
}
