using System.Globalization;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Changes of element type that lose digits at most, never a value.</summary>
internal static class TensorCasts
{
    // A mapped tensor of gigabytes is looked at in pieces, so that the look takes no memory to speak of.
    private const long Piece = 1 << 20;

    /// <summary>A new tensor of the type.</summary>
    /// <exception cref="NotSupportedException">A value would become infinite or be cut.</exception>
    public static Tensor To(Tensor tensor, ScalarType type, string name, string path)
    {
        if (Loss(tensor, type) is { } loss)
            throw new NotSupportedException($"{path}: '{name}' {loss}. Nothing was written; bf16 and fp32 reach to 3.4e38.");
        return tensor.to(type, copy: true);
    }

    /// <summary>
    /// What a change of type would do to the tensor's values beyond rounding them, as the rest of a sentence about the tensor; null where
    /// it keeps every value. Infinities and NaN stay what they are in every floating-point type.
    /// </summary>
    public static string? Loss(Tensor tensor, ScalarType type)
    {
        if (KeepsAll(tensor.dtype, type) || tensor.numel() == 0 || tensor.device_type == TorchSharp.DeviceType.META) return null;
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var parts = tensor.dtype is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64 ? 2 : 1;
        var values = parts == 2 ? view_as_real(tensor.detach().resolve_conj()) : tensor.detach();
        var flat = values.reshape(-1);
        long lost = 0, first = -1;
        var what = "";
        for (long start = 0; start < flat.numel(); start += Piece)
        {
            using var inner = NewDisposeScope();
            var piece = flat.narrow(0, start, Math.Min(Piece, flat.numel() - start));
            if (LostIn(piece, type, parts) is not { } mask || !mask.any().item<bool>()) continue;
            lost += mask.sum().item<long>();
            if (first >= 0) continue;
            var at = mask.to(ScalarType.Byte).argmax().item<long>();
            first = (start + at) / parts;
            what = Text(piece[at]) + (parts == 2 && (start + at) % 2 == 1 ? "i" : "");
        }
        if (lost == 0) return null;
        var more = lost == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" and {lost - 1} more such values");
        return $"holds {what} at [{string.Join(", ", Place(first, tensor.shape))}]{more}, which {type} does not hold ({Range(type)})";
    }

    /// <summary>True where every value of a type is one of another, rounded at most.</summary>
    public static bool KeepsAll(ScalarType from, ScalarType to)
    {
        if (from == to || from == ScalarType.Bool || Rank(from) == 0 || Rank(to) == 0) return true;
        if (IsComplex(from) || IsComplex(to)) return IsComplex(to) && KeepsAll(Part(from), Part(to));
        if (Whole(to) is { } target) return Whole(from) is { } own && own.Min >= target.Min && own.Max <= target.Max;
        return to != ScalarType.Bool && Limit(from) <= Limit(to);
    }

    /// <summary>Which values of a piece would be another value in the type; null where none can be.</summary>
    private static Tensor? LostIn(Tensor piece, ScalarType type, int parts)
    {
        if (parts == 2 && !IsComplex(type))
        {
            // Real and imaginary parts in turns: the first must fit, the second be zero.
            var imaginary = arange(piece.numel(), ScalarType.Int64).remainder(2).to(ScalarType.Bool).to(piece.device);
            var unfit = LostIn(piece, type, 1)?.logical_and(imaginary.logical_not());
            var dropped = piece.ne(0).logical_and(imaginary);
            return unfit is null ? dropped : unfit.logical_or(dropped);
        }
        type = Part(type);
        if (KeepsAll(piece.dtype, type)) return null;
        var isWhole = Whole(piece.dtype) is not null;
        if (type == ScalarType.Bool) return piece.ne(0).logical_and(piece.ne(1));
        if (Whole(type) is { } range)
        {
            // Compared as the widest of their kind: a limit must not wrap round in the type of the values.
            var wide = piece.to(isWhole ? ScalarType.Int64 : ScalarType.Float64);
            if (isWhole) return wide.lt(range.Min).logical_or(wide.gt(range.Max));
            return wide.trunc().ne(wide).logical_or(wide.lt((double)range.Min)).logical_or(wide.ge(range.Max + 1.0))
                .logical_or(wide.isfinite().logical_not());
        }
        var limit = Limit(type);
        if (isWhole) return piece.to(ScalarType.Float64).abs().ge(limit);
        // Most pieces are far from the limit, which one pass over them shows. Near it the conversion itself decides: doubles become halves
        // by way of singles, and are rounded twice.
        if (piece.abs().max().to(ScalarType.Float64).item<double>() < limit * (1 - 1e-6)) return null;
        return piece.to(type).isfinite().logical_not().logical_and(piece.isfinite());
    }

    private static bool IsComplex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;

    private static ScalarType Part(ScalarType type) => type switch
    {
        ScalarType.ComplexFloat32 => ScalarType.Float32,
        ScalarType.ComplexFloat64 => ScalarType.Float64,
        _ => type,
    };

    // 0 for types whose values are not compared here, such as quantized ones.
    private static int Rank(ScalarType type)
        => type == ScalarType.Bool || IsComplex(type) || Whole(type) is not null || Limit(type) > 0 ? 1 : 0;

    private static (long Min, long Max)? Whole(ScalarType type) => type switch
    {
        ScalarType.Byte => (0, byte.MaxValue),
        ScalarType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        ScalarType.Int16 => (short.MinValue, short.MaxValue),
        ScalarType.Int32 => (int.MinValue, int.MaxValue),
        ScalarType.Int64 => (long.MinValue, long.MaxValue),
        _ => null,
    };

    /// <summary>The first magnitude that rounds to infinity; of whole numbers, the first beyond them; 0 for other types.</summary>
    private static double Limit(ScalarType type) => type switch
    {
        // Half a step beyond the largest number, where a tie goes to the even neighbour, which is infinite.
        ScalarType.Float16 => 65520,
        ScalarType.BFloat16 => Math.ScaleB(2 - Math.ScaleB(1, -8), 127),
        ScalarType.Float32 => Math.ScaleB(2 - Math.ScaleB(1, -24), 127),
        ScalarType.Float64 => double.PositiveInfinity,
        _ => Whole(type) is { } range ? range.Max + 1.0 : 0,
    };

    private static string Range(ScalarType type) => type switch
    {
        ScalarType.Bool => "0 and 1 alone",
        ScalarType.Float16 => "up to 65504",
        ScalarType.BFloat16 or ScalarType.Float32 => "up to 3.4e38",
        ScalarType.Float64 => "real numbers",
        _ => Whole(type) is { } range
            ? string.Create(CultureInfo.InvariantCulture, $"whole numbers from {range.Min} to {range.Max}")
            : "parts up to 3.4e38",
    };

    private static string Text(Tensor value)
        => Whole(value.dtype) is not null ? value.to(ScalarType.Int64).item<long>().ToString(CultureInfo.InvariantCulture)
            : value.to(ScalarType.Float64).item<double>().ToString("R", CultureInfo.InvariantCulture);

    private static long[] Place(long index, long[] shape)
    {
        var place = new long[shape.Length];
        for (var d = shape.Length - 1; d >= 0; d--) (index, place[d]) = (index / shape[d], index % shape[d]);
        return place;
    }
}
