using Cresset.Data;
using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Scenes made of real pictures: handwritten digits of twice their size on patches of photographed textures; the label of a pixel is the
/// digit whose ink covers it (1 to 10 for 0 to 9) or 0. Test scenes use other writers and another texture.
/// </summary>
internal sealed class DigitScenes : IDisposable
{
    /// <summary>Background and ten digits.</summary>
    public const int Classes = 11;

    private const int Edge = 16;
    private const float InkFrom = 0.35f;
    private readonly float[][] _digits;
    private readonly long[] _labels;
    private readonly List<(float[] Values, int Height, int Width)> _textures;
    private readonly int _size;

    /// <summary>Prepares digits and textures; <paramref name="test"/> picks the held-out ones.</summary>
    public DigitScenes(int size, bool test)
    {
        _size = size;
        (var digits, _labels) = SceneMaterial.Digits(test, Edge);
        _digits = digits[0];
        _textures = [.. test ? SceneMaterial.Photographs("grass") : SceneMaterial.Photographs("brick", "gravel")];
    }

    /// <summary>Scenes [N, 1, S, S] (float32) and labels [N, S, S] (int64).</summary>
    public (Tensor Scenes, Tensor Labels) Draw(int count, Cresset.Numerics.RandomStream random)
    {
        var scenes = new float[count * _size * _size];
        var labels = new long[count * _size * _size];
        for (var n = 0; n < count; n++)
        {
            var at = n * _size * _size;
            var texture = _textures[random.NextInt32(_textures.Count)];
            var (top, left) = (random.NextInt32(texture.Height - _size), random.NextInt32(texture.Width - _size));
            for (var y = 0; y < _size; y++)
            {
                for (var x = 0; x < _size; x++)
                    scenes[at + (y * _size) + x] = 0.6f * texture.Values[((top + y) * texture.Width) + left + x];
            }
            var digits = 1 + random.NextInt32(3);
            for (var d = 0; d < digits; d++) Paste(scenes.AsSpan(at, _size * _size), labels.AsSpan(at, _size * _size), random);
        }
        return (tensor(scenes).reshape(count, 1, _size, _size), tensor(labels).reshape(count, _size, _size));
    }

    /// <summary>Nothing native is kept.</summary>
    public void Dispose() => _textures.Clear();

    private void Paste(Span<float> scene, Span<long> labels, Cresset.Numerics.RandomStream random)
    {
        var which = random.NextInt32(_digits.Length);
        var (top, left) = (random.NextInt32(_size - Edge + 1), random.NextInt32(_size - Edge + 1));
        for (var y = 0; y < Edge; y++)
        {
            for (var x = 0; x < Edge; x++)
            {
                var ink = _digits[which][(y * Edge) + x];
                var at = ((top + y) * _size) + left + x;
                scene[at] = Math.Max(scene[at], ink);
                if (ink >= InkFrom) labels[at] = _labels[which] + 1;
            }
        }
    }
}
