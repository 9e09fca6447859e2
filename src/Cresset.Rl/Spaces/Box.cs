namespace Cresset.Rl;

/// <summary>
/// A box of float32 values: each between its own bounds, which may be infinite. Samples are uniform where both bounds are finite,
/// exponential from a single bound, normal without any (as Gymnasium draws them).
/// </summary>
public sealed class Box : Space<float>
{
    private readonly float[] _low;
    private readonly float[] _high;
    private readonly int[] _shape;

    /// <summary>A box with the given bounds a value.</summary>
    /// <param name="low">Smallest allowed values.</param>
    /// <param name="high">Largest allowed values.</param>
    /// <param name="shape">Dimensions whose product is the number of values; one dimension when left out.</param>
    /// <exception cref="ArgumentException">Lengths differ, a bound is NaN, or a low bound lies above its high bound.</exception>
    public Box(ReadOnlySpan<float> low, ReadOnlySpan<float> high, ReadOnlySpan<int> shape = default)
    {
        if (low.Length != high.Length) throw new ArgumentException($"{low.Length} low bounds but {high.Length} high bounds.", nameof(high));
        for (var i = 0; i < low.Length; i++)
        {
            if (!(low[i] <= high[i]))
                throw new ArgumentException(
                    $"Bounds of value {i} are [{low[i]}, {high[i]}]; low must not exceed high, and neither may be NaN.", nameof(low));
        }
        _low = low.ToArray();
        _high = high.ToArray();
        _shape = shape.IsEmpty ? [low.Length] : shape.ToArray();
        if (_shape.Aggregate(1, (a, b) => a * b) != low.Length)
            throw new ArgumentException($"Shape [{string.Join(", ", _shape)}] does not hold {low.Length} values.", nameof(shape));
    }

    /// <summary>A box of <paramref name="size"/> values with the same bounds.</summary>
    public Box(float low, float high, int size)
        : this(Enumerable.Repeat(low, size).ToArray(), Enumerable.Repeat(high, size).ToArray())
    {
    }

    /// <summary>Smallest allowed values.</summary>
    public ReadOnlySpan<float> Low => _low;

    /// <summary>Largest allowed values.</summary>
    public ReadOnlySpan<float> High => _high;

    /// <summary>Dimensions, outermost first.</summary>
    public ReadOnlySpan<int> Shape => _shape;

    /// <inheritdoc/>
    public override int Size => _low.Length;

    /// <summary>Whether every bound is finite.</summary>
    public bool IsBounded => Array.TrueForAll(_low, float.IsFinite) && Array.TrueForAll(_high, float.IsFinite);

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<float> value)
    {
        if (value.Length != Size) return false;
        for (var i = 0; i < value.Length; i++)
        {
            if (!(value[i] >= _low[i] && value[i] <= _high[i])) return false;
        }
        return true;
    }

    /// <inheritdoc/>
    public override void Sample(Span<float> destination)
    {
        CheckSize(destination.Length, nameof(destination));
        // Four passes, one per kind of interval, because the draws of a kind come together.
        for (var i = 0; i < destination.Length; i++)
        {
            if (!float.IsFinite(_low[i]) && !float.IsFinite(_high[i])) destination[i] = (float)Random.NextNormal();
        }
        for (var i = 0; i < destination.Length; i++)
        {
            if (float.IsFinite(_low[i]) && !float.IsFinite(_high[i])) destination[i] = (float)(Random.NextExponential() + _low[i]);
        }
        for (var i = 0; i < destination.Length; i++)
        {
            if (!float.IsFinite(_low[i]) && float.IsFinite(_high[i])) destination[i] = (float)(-Random.NextExponential() + _high[i]);
        }
        for (var i = 0; i < destination.Length; i++)
        {
            if (float.IsFinite(_low[i]) && float.IsFinite(_high[i])) destination[i] = (float)Random.Uniform(_low[i], _high[i]);
        }
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"Box([{string.Join(' ', _low)}], [{string.Join(' ', _high)}], ({string.Join(", ", _shape)}), float32)";
}
