using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// Several independent choices at once; the network puts out the logits of the first, then those of the second, and so on.
/// </summary>
internal sealed class MultiCategoricalActions : ActionDistribution
{
    private readonly CategoricalActions[] _parts;
    private readonly int[] _starts;

    /// <summary>Choices with the given numbers of values.</summary>
    public MultiCategoricalActions(ReadOnlySpan<int> counts)
    {
        if (counts.IsEmpty) throw new ArgumentException("There is no choice.", nameof(counts));
        _parts = [.. counts.ToArray().Select(c => new CategoricalActions(c))];
        _starts = new int[counts.Length];
        for (var i = 1; i < counts.Length; i++) _starts[i] = _starts[i - 1] + counts[i - 1];
        Inputs = _starts[^1] + counts[^1];
    }

    /// <inheritdoc/>
    public override int Inputs { get; }

    /// <inheritdoc/>
    public override int ActionSize => _parts.Length;

    /// <inheritdoc/>
    public override float Sample(ReadOnlySpan<float> raw, RandomStream random, Span<float> action, ReadOnlySpan<bool> mask = default)
    {
        var sum = 0f;
        for (var i = 0; i < _parts.Length; i++) sum += _parts[i].Sample(Part(raw, i), random, action.Slice(i, 1), Part(mask, i));
        return sum;
    }

    /// <inheritdoc/>
    public override void Mode(ReadOnlySpan<float> raw, Span<float> action, ReadOnlySpan<bool> mask = default)
    {
        for (var i = 0; i < _parts.Length; i++) _parts[i].Mode(Part(raw, i), action.Slice(i, 1), Part(mask, i));
    }

    /// <inheritdoc/>
    public override float LogProb(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, ReadOnlySpan<bool> mask = default)
    {
        var sum = 0f;
        for (var i = 0; i < _parts.Length; i++) sum += _parts[i].LogProb(Part(raw, i), action.Slice(i, 1), Part(mask, i));
        return sum;
    }

    /// <inheritdoc/>
    public override float Entropy(ReadOnlySpan<float> raw, ReadOnlySpan<bool> mask = default)
    {
        var sum = 0f;
        for (var i = 0; i < _parts.Length; i++) sum += _parts[i].Entropy(Part(raw, i), Part(mask, i));
        return sum;
    }

    /// <inheritdoc/>
    public override void Slope(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, float logProbSlope, float entropySlope,
        Span<float> gradient, ReadOnlySpan<bool> mask = default)
    {
        for (var i = 0; i < _parts.Length; i++)
        {
            _parts[i].Slope(Part(raw, i), action.Slice(i, 1), logProbSlope, entropySlope, gradient.Slice(_starts[i], _parts[i].Inputs),
                Part(mask, i));
        }
    }

    private ReadOnlySpan<T> Part<T>(ReadOnlySpan<T> values, int i) => values.IsEmpty ? [] : values.Slice(_starts[i], _parts[i].Inputs);
}
