using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;

namespace Cresset.Quantization;

/// <summary>
/// The nearest code of each vector, exactly: the answer is that of a float64 search with the lowest index on ties, at the speed of one
/// float32 matrix product and without a table of distances.
/// </summary>
/// <remarks>
/// A fused kernel keeps the best and the second best score of each vector in registers. Where the two are closer than float32 can tell, the
/// vector's candidates are compared again in float64 by the direct sum of squared differences. Every vector is handled alone, so the result
/// does not depend on the number of threads.
/// </remarks>
public static class NearestCodes
{
    private const int BlockRows = 128;

    /// <summary>Writes the index of the nearest code of every vector; -1 for a vector that holds NaN or an infinity.</summary>
    /// <param name="vectors">Vectors [N, width], row after row.</param>
    /// <param name="codes">Codes [K, width], all finite.</param>
    /// <param name="width">Numbers per vector.</param>
    /// <param name="indices">Receives N indices in [-1, K).</param>
    /// <param name="metric">What nearest means.</param>
    /// <param name="threads">Threads to use; 0 for one a processor.</param>
    /// <returns>How many vectors were not finite.</returns>
    /// <exception cref="ArgumentException">Lengths do not fit together, or a code is not finite.</exception>
    public static int Find(ReadOnlySpan<float> vectors, ReadOnlySpan<float> codes, int width, Span<int> indices,
        CodeMetric metric = CodeMetric.Euclidean, int threads = 0)
        => Find(vectors, codes, width, indices, metric, threads, Vector512.IsHardwareAccelerated ? 16 : 8);

    /// <summary>As above with the register width given: 16 floats or 8.</summary>
    internal static unsafe int Find(ReadOnlySpan<float> vectors, ReadOnlySpan<float> codes, int width, Span<int> indices, CodeMetric metric,
        int threads, int lanes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (codes.Length == 0 || codes.Length % width != 0)
            throw new ArgumentException($"codes hold {codes.Length} numbers; expected a positive multiple of the width {width}.",
                nameof(codes));
        if (vectors.Length % width != 0)
            throw new ArgumentException($"vectors hold {vectors.Length} numbers; expected a multiple of the width {width}.",
                nameof(vectors));
        var count = vectors.Length / width;
        if (indices.Length != count)
            throw new ArgumentException($"indices has room for {indices.Length}; there are {count} vectors.", nameof(indices));
        if (FloatRows.FirstNotFinite(codes) is var bad && bad >= 0)
            throw new ArgumentException(
                $"Code {bad / width} holds a value that is not finite: the codebook is damaged; restore it from a checkpoint.",
                nameof(codes));
        if (count == 0) return 0;

        using var panels = new CodePanels(codes, width, metric == CodeMetric.Euclidean, lanes);
        var blocks = (count + BlockRows - 1) / BlockRows;
        var notFinite = 0;
        fixed (float* z = vectors, c = codes)
        fixed (int* found = indices)
        {
            float* zPointer = z, cPointer = c;
            var indexPointer = found;
            ForkJoin.Run(threads == 0 ? Environment.ProcessorCount : threads, blocks, block =>
            {
                var skipped = Block(zPointer, cPointer, indexPointer, count, (int)block, panels);
                if (skipped > 0) Interlocked.Add(ref notFinite, skipped);
            });
        }
        return notFinite;
    }

    private static unsafe int Block(float* vectors, float* codes, int* indices, int count, int block, CodePanels panels)
    {
        int width = panels.Width, lanes = panels.Lanes;
        var group = lanes == 16 ? ScoreKernels.Rows512 : ScoreKernels.Rows256;
        var first = block * BlockRows;
        var rows = Math.Min(BlockRows, count - first);
        var groups = (rows + group - 1) / group;
        var stateSize = 3 * lanes;
        var packed = (float*)NativeMemory.AlignedAlloc((nuint)(groups * group) * (nuint)width * sizeof(float), 64);
        var state = (float*)NativeMemory.AlignedAlloc((nuint)(groups * group * stateSize) * sizeof(float), 64);
        try
        {
            for (var row = 0; row < groups * group; row++)
            {
                var target = packed + ((long)(row / group) * group * width) + (row % group);
                if (row < rows)
                {
                    var source = vectors + ((long)(first + row) * width);
                    for (var d = 0; d < width; d++) target[(long)d * group] = source[d] - panels.Centre[d];
                }
                else
                {
                    for (var d = 0; d < width; d++) target[(long)d * group] = 0;
                }
                new Span<float>(state + (row * stateSize), lanes).Fill(float.NegativeInfinity);
                new Span<int>(state + (row * stateSize) + lanes, lanes).Clear();
                new Span<float>(state + (row * stateSize) + (2 * lanes), lanes).Fill(float.NegativeInfinity);
            }
            for (var panel = 0; panel < panels.PanelCount; panel++)
            {
                float* panelStart = panels.Panels + ((long)panel * 2 * lanes * width), bias = panels.Bias + (panel * 2 * lanes);
                for (var g = 0; g < groups; g++)
                {
                    float* groupRows = packed + ((long)g * group * width), groupState = state + (g * group * stateSize);
                    if (lanes == 16) ScoreKernels.Panel512(groupRows, width, panelStart, bias, panel, groupState);
                    else ScoreKernels.Panel256(groupRows, width, panelStart, bias, panel, groupState);
                }
            }
            var skipped = 0;
            for (var row = 0; row < rows; row++)
            {
                var vector = new ReadOnlySpan<float>(vectors + ((long)(first + row) * width), width);
                var index = Winner(vector, codes, state + (row * stateSize), panels);
                indices[first + row] = index;
                if (index < 0) skipped++;
            }
            return skipped;
        }
        finally
        {
            NativeMemory.AlignedFree(packed);
            NativeMemory.AlignedFree(state);
        }
    }

    private static unsafe int Winner(ReadOnlySpan<float> vector, float* codes, float* state, CodePanels panels)
    {
        var lanes = panels.Lanes;
        var registers = (int*)(state + lanes);
        float best = float.NegativeInfinity, second = float.NegativeInfinity;
        var index = int.MaxValue;
        for (var lane = 0; lane < lanes; lane++)
        {
            var score = state[lane];
            var code = (registers[lane] * lanes) + lane;
            if (score > best)
            {
                second = best;
                best = score;
                index = code;
            }
            else
            {
                second = MathF.Max(second, score);
                if (score == best && code < index) index = code;
            }
            second = MathF.Max(second, state[(2 * lanes) + lane]);
        }
        var length = MathF.Sqrt(FloatRows.SquaredDistance(vector, panels.Centre));
        // Rounding error of a score: a random walk of width steps of half an ulp of |z||c|, with a wide margin.
        var error = 1.2e-7f * (4 + MathF.Sqrt(panels.Width)) * panels.LongestCode * (length + (panels.LongestCode / 2));
        // Written so that NaN (a bad vector, or an overflow) also goes the careful way.
        if (best - second > error && float.IsFinite(best)) return index;
        if (FloatRows.FirstNotFinite(vector) >= 0) return -1;
        return Careful(vector, codes, best - error, panels);
    }

    /// <summary>The lowest index among the codes that are best in float64, looked for among those near the best float32 score.</summary>
    private static unsafe int Careful(ReadOnlySpan<float> vector, float* codes, float threshold, CodePanels panels)
    {
        var width = panels.Width;
        Span<float> centred = width <= 1024 ? stackalloc float[width] : new float[width];
        FloatRows.Subtract(vector, panels.Centre, centred);
        var all = !float.IsFinite(threshold);
        var bestIndex = 0;
        var bestCost = double.PositiveInfinity;
        for (var k = 0; k < panels.Count; k++)
        {
            if (!all && FloatRows.Dot(centred, panels.Centred.AsSpan(k * width, width)) + panels.Bias[k] < threshold) continue;
            var code = codes + ((long)k * width);
            var cost = 0.0;
            if (panels.Euclidean)
            {
                for (var d = 0; d < width; d++)
                {
                    var difference = (double)vector[d] - code[d];
                    cost += difference * difference;
                }
            }
            else
            {
                for (var d = 0; d < width; d++) cost -= (double)vector[d] * code[d];
            }
            if (cost < bestCost)
            {
                bestCost = cost;
                bestIndex = k;
            }
        }
        return bestIndex;
    }
}
