namespace Cresset.Quantization;

/// <summary><see cref="CaptionEncoder"/> in fixed order, a caption at a time.</summary>
internal sealed class ExactCaptionEncoder
{
    private const string Prefix = $"{CodeCondition.Key}.";
    private readonly float[] _words;
    private readonly float[] _positions;
    private readonly ExactTransformerBlock[] _blocks;
    private readonly (float[] Scale, float[] Shift) _norm;
    private readonly ExactConvolution _output;
    private readonly int _heads;

    public ExactCaptionEncoder(ExactWeights weights, int heads)
    {
        _heads = heads;
        _words = weights.Of($"{Prefix}tok.weight");
        _positions = weights.Of($"{Prefix}pos");
        _blocks = ExactTransformerBlock.All(weights, Prefix);
        _norm = ExactTransformerBlock.Norm(weights, $"{Prefix}ln_f");
        _output = ExactConvolution.Of(weights, $"{Prefix}out");
    }

    /// <summary>Vectors [maps, outputs] of captions, as many words for each map.</summary>
    public float[] Rows(ReadOnlySpan<long> captions, int maps)
    {
        var length = captions.Length / maps;
        var all = new float[checked(maps * _output.Outputs)];
        for (var map = 0; map < maps; map++) One(captions.Slice(map * length, length)).CopyTo(all, map * _output.Outputs);
        return all;
    }

    private float[] One(ReadOnlySpan<long> caption)
    {
        var width = _norm.Scale.Length;
        // The place before the first word, then the words; what is no word is seen by none and stays out.
        List<(int Place, long Word)> seen = [(0, 0)];
        for (var i = 0; i < caption.Length; i++)
        {
            if (caption[i] != 0) seen.Add((i + 1, caption[i]));
        }
        var rows = seen.Count;
        var x = new float[rows * width];
        for (var i = 0; i < rows; i++)
        {
            for (var d = 0; d < width; d++)
                x[(i * width) + d] = (i == 0 ? 0 : _words[(seen[i].Word * width) + d]) + _positions[(seen[i].Place * width) + d];
        }
        float[] normed = new float[x.Length], merged = new float[x.Length], projected = new float[3 * x.Length],
            wide = new float[4 * x.Length];
        foreach (var block in _blocks)
        {
            var attention = new ExactAttention(1, _heads, width, rows);
            block.Apply(x, rows, normed, projected, merged, wide, () => attention.Take(projected, 0, rows, normed));
        }
        FixedOrder.Normalize(x, _norm.Scale, _norm.Shift, normed, 1);
        var output = new float[_output.Outputs];
        _output.Apply(normed, output, 1);
        return output;
    }
}
