using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Square maps of several sides, the coarsest first, and how values go from one to another: down to a coarser map by the mean over areas,
/// up to the last one by Keys' cubic with a = -0.75. Both are linear and work on rows and columns by themselves.
/// </summary>
internal sealed class ScaleGrid
{
    private readonly double[][] _down;
    private readonly double[][] _up;

    public ScaleGrid(IReadOnlyList<int> scales)
    {
        Scales = [.. scales];
        var starts = new int[scales.Count + 1];
        for (var k = 0; k < scales.Count; k++) starts[k + 1] = checked(starts[k] + (scales[k] * scales[k]));
        Starts = starts;
        _down = [.. scales.Select(side => Areas(Side, side))];
        _up = [.. scales.Select(side => Cubics(side, Side))];
    }

    /// <summary>Sides of the maps.</summary>
    public IReadOnlyList<int> Scales { get; }

    /// <summary>Side of the last map.</summary>
    public int Side => Scales[^1];

    /// <summary>Places of the last map.</summary>
    public int Places => Side * Side;

    /// <summary>Where the codes of each scale begin in the list of all; one entry more, the number of all.</summary>
    public IReadOnlyList<int> Starts { get; }

    /// <summary>Codes of all scales.</summary>
    public int Codes => Starts[^1];

    /// <summary>What is wrong with scales: they grow from at least 1; null when nothing is.</summary>
    public static bool AreValid(IReadOnlyList<int>? scales)
        => scales is { Count: > 0 and <= 64 } && scales[0] >= 1 && scales[^1] <= 1024
            && Enumerable.Range(1, scales.Count - 1).All(k => scales[k] > scales[k - 1]);

    /// <summary>The scale of a place in the list of all codes.</summary>
    public int ScaleOf(int code)
    {
        var scale = 0;
        while (code >= Starts[scale + 1]) scale++;
        return scale;
    }

    /// <summary>Maps [N, places, D] of the last scale to [N, s², D] of a coarser one.</summary>
    public Tensor Down(Tensor maps, int scale) => Apply(_down[scale], maps, Side, Scales[scale]);

    /// <summary>Maps [N, s², D] of a scale to [N, places, D] of the last one.</summary>
    public Tensor Up(Tensor maps, int scale) => Apply(_up[scale], maps, Scales[scale], Side);

    /// <summary>
    /// The matrix [L, L] that makes of values at the places of all scales what a scale is told by the coarser ones: their values brought
    /// up, added, and brought down to it. Rows of the first scale are zero.
    /// </summary>
    public float[] Told()
    {
        var matrix = new float[checked(Codes * Codes)];
        for (var to = 1; to < Scales.Count; to++)
        {
            for (var from = 0; from < to; from++)
            {
                int rows = Scales[to], columns = Scales[from];
                var line = Product(_down[to], _up[from], rows, Side, columns);
                for (var i = 0; i < rows * rows; i++)
                {
                    for (var j = 0; j < columns * columns; j++)
                    {
                        matrix[((Starts[to] + i) * Codes) + Starts[from] + j] =
                            (float)(line[(i / rows * columns) + (j / columns)] * line[(i % rows * columns) + (j % columns)]);
                    }
                }
            }
        }
        return matrix;
    }

    private static Tensor Apply(double[] line, Tensor maps, int from, int to)
    {
        if (from == to) return maps.alias();
        using var scope = NewDisposeScope();
        long batch = maps.size(0), width = maps.size(2);
        var taps = tensor(line, [to, from], dtype: maps.dtype, device: maps.device);
        var rows = taps.MatMul(maps.reshape(batch, from, from * width));
        return taps.MatMul(rows.reshape(batch * to, from, width)).reshape(batch, (long)to * to, width).MoveToOuterDisposeScope();
    }

    // Each result is the mean over the pixels that its area touches.
    private static double[] Areas(int from, int to)
    {
        var line = new double[to * from];
        for (var o = 0; o < to; o++)
        {
            int first = o * from / to, end = (((o + 1) * from) + to - 1) / to;
            for (var i = first; i < end; i++) line[(o * from) + i] = 1.0 / (end - first);
        }
        return line;
    }

    // Beyond the edge the last pixel goes on.
    private static double[] Cubics(int from, int to)
    {
        var line = new double[to * from];
        for (var o = 0; o < to; o++)
        {
            var place = ((o + 0.5) * from / to) - 0.5;
            var low = (int)Math.Floor(place);
            for (var k = -1; k <= 2; k++)
                line[(o * from) + Math.Clamp(low + k, 0, from - 1)] += Cubic(Math.Abs(place - low - k));
        }
        return line;
    }

    private static double Cubic(double x) => x <= 1 ? (((1.25 * x) - 2.25) * x * x) + 1 : x < 2 ? -0.75 * (((x - 5) * x + 8) * x - 4) : 0;

    private static double[] Product(double[] a, double[] b, int rows, int inner, int columns)
    {
        var result = new double[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                for (var k = 0; k < inner; k++) result[(i * columns) + j] += a[(i * inner) + k] * b[(k * columns) + j];
            }
        }
        return result;
    }
}
