using Cresset.Data;
using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What scenes of real pictures are made of: enlarged handwritten digits and photographs in grey.</summary>
internal static class SceneMaterial
{
    /// <summary>The digits at each edge, [edge][digit][pixel] in 0..1, and what they are; those of other writers for the test.</summary>
    public static (float[][][] Digits, long[] Labels) Digits(bool test, params int[] edges)
    {
        using var scope = NewDisposeScope();
        var (train, held) = ImageClassification.Digits();
        using (train)
        using (held)
        {
            var source = test ? held : train;
            var digits = Array.ConvertAll(edges, edge =>
            {
                var large = Upsample.Apply(source.Inputs.reshape(-1, 1, 8, 8), [edge, edge], mode: ResizeMode.Bilinear).clamp(0, 1)
                    .contiguous().data<float>().ToArray();
                return Enumerable.Range(0, source.Count).Select(i => large[(i * edge * edge)..((i + 1) * edge * edge)]).ToArray();
            });
            return (digits, source.Targets!.data<long>().ToArray());
        }
    }

    /// <summary>Photographs by name, as rows of grey values.</summary>
    public static (float[] Values, int Height, int Width)[] Photographs(params string[] names)
    {
        using var scope = NewDisposeScope();
        return Array.ConvertAll(names, name =>
        {
            var t = RealPictures.Luminance(name);
            return (t.contiguous().data<float>().ToArray(), (int)t.size(2), (int)t.size(3));
        });
    }
}
