using System.Globalization;

namespace Cresset.Onnx;

/// <summary>
/// A whole number of the traced module: fixed, or a formula of the sizes that may vary (batch, height ...), found by tracing at other
/// sizes.
/// </summary>
public sealed class OnnxSize
{
    internal OnnxSize(long value, long offset, IReadOnlyList<SizeTerm>? terms) => (Value, Offset, Terms) = (value, offset, terms);

    /// <summary>Its value for the example.</summary>
    public long Value { get; }

    /// <summary>True when it is the same for every size of input.</summary>
    public bool IsFixed => Terms is { Count: 0 };

    /// <summary>False when it varies, and no formula was found that all traces follow.</summary>
    public bool IsKnown => Terms is not null;

    internal long Offset { get; }

    /// <summary>What is added to the offset; null where no formula fits.</summary>
    internal IReadOnlyList<SizeTerm>? Terms { get; }

    /// <summary>A number that never varies.</summary>
    public static OnnxSize Fixed(long value) => new(value, value, []);

    /// <summary>True when both are the same number for every size of input.</summary>
    public bool IsSameAs(OnnxSize other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return IsKnown && other.IsKnown && Value == other.Value && Formula == other.Formula;
    }

    /// <summary>The number, or its formula, such as <c>4*batch</c>.</summary>
    public override string ToString() => IsKnown ? Formula : $"{Value.ToString(CultureInfo.InvariantCulture)} (varies)";

    internal string Formula
        => Terms!.Count == 0
            ? Value.ToString(CultureInfo.InvariantCulture)
            : string.Join(" + ", Terms.Select(t => t.ToString()))
                + (Offset == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" + {Offset}"));
}

/// <summary>floor(factor * product of axes / divisor).</summary>
internal sealed record SizeTerm(long Factor, long Divisor, IReadOnlyList<int> Axes, IReadOnlyList<string> Names)
{
    public override string ToString()
    {
        var product = string.Join("*", Names);
        var scaled = Factor == 1 ? product : string.Create(CultureInfo.InvariantCulture, $"{Factor}*{product}");
        return Divisor == 1 ? scaled : string.Create(CultureInfo.InvariantCulture, $"floor({scaled}/{Divisor})");
    }
}
