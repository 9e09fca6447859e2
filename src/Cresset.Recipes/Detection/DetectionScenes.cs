using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A digit in a scene.</summary>
/// <param name="Digit">0 to 9.</param>
/// <param name="Left">First column of its ink.</param>
/// <param name="Top">First row.</param>
/// <param name="Right">One beyond the last column.</param>
/// <param name="Bottom">One beyond the last row.</param>
internal readonly record struct SceneDigit(int Digit, int Left, int Top, int Right, int Bottom);

/// <summary>A picture with the digits in it.</summary>
/// <param name="Values">Grey values [S, S] in 0..1.</param>
/// <param name="Owner">For every pixel the place of the digit whose ink covers it, or -1.</param>
/// <param name="Digits">The digits.</param>
internal sealed record DetectionScene(float[] Values, sbyte[] Owner, IReadOnlyList<SceneDigit> Digits);

/// <summary>
/// Handwritten digits of several sizes, dark or light, on patches of photographs. Scenes for the test have other writers and other
/// photographs. Each is drawn from a seed of its own, so that a scene is the same whoever asks for it.
/// </summary>
internal sealed class DetectionScenes
{
    private const float InkFrom = 0.4f;
    private static readonly int[] Edges = [12, 16, 20, 24, 28];
    private static readonly string[] Learned = ["astronaut", "brick", "camera", "coffee", "gravel", "rocket"],
        Held = ["chelsea", "clock", "grass"];
    private readonly float[][][] _digits;
    private readonly long[] _labels;
    private readonly (float[] Values, int Height, int Width)[] _photographs;
    private readonly int _size;

    /// <summary>Prepares digits and photographs; <paramref name="test"/> picks the held-out ones.</summary>
    public DetectionScenes(int size, bool test)
    {
        _size = size;
        (_digits, _labels) = SceneMaterial.Digits(test, Edges);
        _photographs = SceneMaterial.Photographs(test ? Held : Learned);
    }

    /// <summary>The scene of a seed.</summary>
    public DetectionScene Draw(ulong seed)
    {
        var random = new RandomStream(seed);
        var values = new float[_size * _size];
        var owner = new sbyte[_size * _size];
        Array.Fill(owner, (sbyte)-1);
        var photograph = _photographs[random.NextInt32(_photographs.Length)];
        var (top, left) = (random.NextInt32(photograph.Height - _size), random.NextInt32(photograph.Width - _size));
        for (var y = 0; y < _size; y++)
        {
            for (var x = 0; x < _size; x++) values[(y * _size) + x] = photograph.Values[((top + y) * photograph.Width) + left + x];
        }
        var digits = new List<SceneDigit>();
        var count = 1 + random.NextInt32(4);
        for (var i = 0; i < count; i++) Paste(values, owner, digits, random);
        return new DetectionScene(values, owner, digits);
    }

    /// <summary>Writes a digit where it meets no other; after some tries without room it is left out.</summary>
    private void Paste(float[] values, sbyte[] owner, List<SceneDigit> digits, RandomStream random)
    {
        var size = random.NextInt32(Edges.Length);
        var edge = Edges[size];
        var which = random.NextInt32(_labels.Length);
        var ink = random.NextDouble() < 0.5 ? 1f : 0f;
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var (top, left) = (random.NextInt32(_size - edge + 1), random.NextInt32(_size - edge + 1));
            if (digits.Any(d => left < d.Right && d.Left < left + edge && top < d.Bottom && d.Top < top + edge)) continue;
            int x0 = edge, y0 = edge, x1 = -1, y1 = -1;
            for (var y = 0; y < edge; y++)
            {
                for (var x = 0; x < edge; x++)
                {
                    var alpha = _digits[size][which][(y * edge) + x];
                    var at = ((top + y) * _size) + left + x;
                    values[at] += (ink - values[at]) * alpha;
                    if (alpha < InkFrom) continue;
                    owner[at] = (sbyte)digits.Count;
                    (x0, y0, x1, y1) = (Math.Min(x0, x), Math.Min(y0, y), Math.Max(x1, x), Math.Max(y1, y));
                }
            }
            if (x1 >= 0) digits.Add(new SceneDigit((int)_labels[which], left + x0, top + y0, left + x1 + 1, top + y1 + 1));
            return;
        }
    }
}
