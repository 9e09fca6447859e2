namespace Cresset.Quantization;

/// <summary>
/// A convolution or linear layer in fixed order: the bias, then the taps in reading order, each over its input channels in order.
/// </summary>
internal sealed class ExactConvolution
{
    private readonly (int Row, int Column, float[] Weights)[] _taps;
    private readonly float[]? _bias;

    private ExactConvolution((int Row, int Column, float[] Weights)[] taps, float[]? bias, int inputs, int outputs)
        => (_taps, _bias, Inputs, Outputs) = (taps, bias, inputs, outputs);

    public int Inputs { get; }

    public int Outputs { get; }

    /// <summary>The layer of weights <c>name.weight</c> [out, in, kernel...] and <c>name.bias</c>.</summary>
    /// <param name="weights">Where they are.</param>
    /// <param name="name">Their prefix.</param>
    /// <param name="top">Row of the first kernel row, from the position: -1 for a kernel that begins one row above.</param>
    /// <param name="left">Column of the first kernel column.</param>
    /// <param name="sees">Which taps count; null for all.</param>
    public static ExactConvolution Of(ExactWeights weights, string name, int top = 0, int left = 0, Func<int, int, bool>? sees = null)
    {
        var shape = weights.Shape($"{name}.weight");
        var values = weights.Of($"{name}.weight");
        int outputs = (int)shape[0], inputs = (int)shape[1], rows = shape.Length > 2 ? (int)shape[2] : 1,
            columns = shape.Length > 3 ? (int)shape[3] : 1;
        var taps = new List<(int, int, float[])>();
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++)
            {
                if (sees is not null && !sees(top + r, left + c)) continue;
                var tap = new float[inputs * outputs];
                for (var o = 0; o < outputs; o++)
                {
                    for (var i = 0; i < inputs; i++) tap[(i * outputs) + o] = values[((((o * inputs) + i) * rows) + r) * columns + c];
                }
                taps.Add((top + r, left + c, tap));
            }
        }
        return new ExactConvolution([.. taps], weights.Has($"{name}.bias") ? weights.Of($"{name}.bias") : null, inputs, outputs);
    }

    /// <summary>Output [maps, out] at a position; taps beyond the map see zeros.</summary>
    public void Apply(ExactMap input, int row, int column, float[] output)
    {
        Start(output, input.Maps);
        foreach (var (down, right, weights) in _taps)
        {
            int r = row + down, c = column + right;
            if (r < 0 || r >= input.Height || c < 0 || c >= input.Width) continue;
            FixedOrder.Accumulate(input.Values, input.At(r, c), Inputs, Inputs, weights, output, Outputs, input.Maps);
        }
    }

    /// <summary>Output [maps, out] of input [maps, in], for kernels of one tap.</summary>
    public void Apply(float[] input, float[] output, int maps)
    {
        Start(output, maps);
        FixedOrder.Accumulate(input, 0, Inputs, Inputs, _taps[0].Weights, output, Outputs, maps);
    }

    private void Start(float[] output, int maps)
    {
        if (_bias is null)
        {
            output.AsSpan(0, maps * Outputs).Clear();
            return;
        }
        for (var map = 0; map < maps; map++) _bias.CopyTo(output, map * Outputs);
    }
}
