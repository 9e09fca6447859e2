namespace Cresset.Quantization;

/// <summary>
/// Causal attention in fixed order over the positions so far. Keys lie as [map, head, number, position], so that the scores of many
/// positions are summed at once, each in order.
/// </summary>
internal sealed class ExactAttention
{
    private readonly int _maps;
    private readonly int _heads;
    private readonly int _size;
    private readonly int _length;
    private readonly float[][] _keys;
    private readonly float[][] _values;
    private readonly float[] _query;
    private readonly float[] _scores;
    private readonly float[] _sum;

    public ExactAttention(int maps, int heads, int width, int length)
    {
        (_maps, _heads, _size, _length) = (maps, heads, width / heads, length);
        _keys = [.. Enumerable.Range(0, maps * heads).Select(_ => new float[checked(_size * length)])];
        _values = [.. Enumerable.Range(0, maps * heads).Select(_ => new float[checked(_size * length)])];
        _query = new float[_size];
        _scores = new float[length];
        _sum = new float[_size];
    }

    /// <summary>
    /// Adds keys and values of positions from <paramref name="first"/> on, then attends with the query of each to all of them and those
    /// before; <paramref name="projected"/> [maps, count, 3 * width] holds query, key and value, the output is [maps, count, width].
    /// </summary>
    public void Take(float[] projected, int first, int count, float[] output)
    {
        var width = _heads * _size;
        for (var map = 0; map < _maps; map++)
        {
            for (var head = 0; head < _heads; head++)
            {
                var from = (map * count * 3 * width) + (head * _size);
                var keys = _keys[(map * _heads) + head];
                var values = _values[(map * _heads) + head];
                for (var i = 0; i < count; i++)
                {
                    for (var d = 0; d < _size; d++)
                    {
                        keys[(d * _length) + first + i] = projected[from + (i * 3 * width) + width + d];
                        values[((first + i) * _size) + d] = projected[from + (i * 3 * width) + (2 * width) + d];
                    }
                }
                for (var i = 0; i < count; i++)
                    Attend(projected, from + (i * 3 * width), keys, values, first + count, output,
                        (((map * count) + i) * width) + (head * _size));
            }
        }
    }

    private void Attend(float[] projected, int from, float[] keys, float[] values, int count, float[] output, int to)
    {
        // A float32 factor as the model's own attention has it: 1 / sqrt(d).
        var scale = (float)(1 / Math.Sqrt(_size));
        for (var d = 0; d < _size; d++) _query[d] = projected[from + d] * scale;
        _scores.AsSpan(0, _length).Clear();
        // All positions of the cache, those to come included: they hold zeros and are left out below.
        FixedOrder.Accumulate(_query, 0, _size, _size, keys, _scores, _length, 1);
        var greatest = float.NegativeInfinity;
        for (var i = 0; i < count; i++) greatest = _scores[i] > greatest ? _scores[i] : greatest;
        var total = 0.0;
        for (var i = 0; i < count; i++)
        {
            var weight = FixedOrder.Exp((double)_scores[i] - greatest);
            total += weight;
            _scores[i] = (float)weight;
        }
        _sum.AsSpan().Clear();
        FixedOrder.Accumulate(_scores, 0, count, count, values, _sum, _size, 1);
        for (var d = 0; d < _size; d++) output[to + d] = (float)(_sum[d] / total);
    }
}
