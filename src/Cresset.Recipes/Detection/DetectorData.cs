using Cresset.Data;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Scenes as batches. Inputs are [N, 1, S, S]; a row of the targets holds, for every cell, the class (0 for none, k + 1 for class k) and
/// the four distances to the sides, then the ink of every pixel: [N, 5 (S/4)^2 + S^2].
/// </summary>
internal sealed class DetectorData(DetectionScenes scenes, int size, int count, ulong? fixedSeed) : IDataset
{
    // Cells within this many cells of a centre learn its box (centre sampling).
    private const double Radius = 1.5;

    public int Count => count;

    /// <summary>A scene of the test, which is the same in every run.</summary>
    public DetectionScene Scene(int index, ulong seed = 0, int epoch = 0)
        => scenes.Draw(SplitMix64.ForIndex(fixedSeed ?? seed, ((ulong)(fixedSeed is null ? epoch : 0) << 32) + (uint)index).Next());

    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        int cells = size / DetectorNet.Stride, pixels = size * size, row = (5 * cells * cells) + pixels;
        var inputs = new float[request.Indices.Count * pixels];
        var targets = new float[request.Indices.Count * row];
        for (var n = 0; n < request.Indices.Count; n++)
        {
            var scene = Scene(request.Indices[n], request.Seed, request.Epoch);
            scene.Values.CopyTo(inputs.AsSpan(n * pixels));
            Fill(targets.AsSpan(n * row, row), scene, cells);
        }
        return new Prepared(inputs, targets, request.Indices.Count, size, row);
    }

    private static void Fill(Span<float> row, DetectionScene scene, int cells)
    {
        var plane = cells * cells;
        for (var y = 0; y < cells; y++)
        {
            for (var x = 0; x < cells; x++)
            {
                double px = (x + 0.5) * DetectorNet.Stride, py = (y + 0.5) * DetectorNet.Stride;
                var best = double.PositiveInfinity;
                foreach (var d in scene.Digits)
                {
                    double l = px - d.Left, t = py - d.Top, r = d.Right - px, b = d.Bottom - py,
                        area = (double)(d.Right - d.Left) * (d.Bottom - d.Top);
                    var far = Math.Max(Math.Abs(px - ((d.Left + d.Right) / 2.0)), Math.Abs(py - ((d.Top + d.Bottom) / 2.0)));
                    if (Math.Min(Math.Min(l, t), Math.Min(r, b)) <= 0 || far > Radius * DetectorNet.Stride || area >= best) continue;
                    best = area;
                    var at = (y * cells) + x;
                    (row[at], row[plane + at], row[(2 * plane) + at], row[(3 * plane) + at], row[(4 * plane) + at]) = (d.Digit + 1,
                        (float)l, (float)t, (float)r, (float)b);
                }
            }
        }
        for (var i = 0; i < scene.Owner.Length; i++) row[(5 * plane) + i] = scene.Owner[i] >= 0 ? 1 : 0;
    }

    private sealed class Prepared(float[] inputs, float[] targets, int count, int size, int row) : IPreparedBatch
    {
        public Batch ToBatch() => new(tensor(inputs, [count, 1, size, size]), tensor(targets, [count, row]));
    }
}
