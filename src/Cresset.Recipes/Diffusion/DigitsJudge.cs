using System.Runtime.InteropServices;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Recipes;

/// <summary>
/// Scores generated 8x8 digits with a network trained on the real ones: which digit each one is, and how far the whole set lies from the
/// real set (Frechet distance of 64 features; two halves of the real digits are 1.0 apart). Never trained on.
/// </summary>
internal sealed class DigitsJudge : PictureJudge
{
    private static readonly long[][] Shapes = [[16, 1, 3, 3], [16], [32, 16, 3, 3], [32], [32, 32, 3, 3], [32], [64, 512], [64], [10, 64],
        [10], [64], [64, 64]];

    private readonly Tensor[] _weights;

    /// <summary>Reads the embedded network.</summary>
    public DigitsJudge()
    {
        using var stream = typeof(DigitsJudge).Assembly.GetManifestResourceStream("digits-judge/judge.bin")
            ?? throw new InvalidOperationException("The assembly lacks its embedded file digits-judge/judge.bin.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var values = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        var at = 0;
        _weights = Array.ConvertAll(Shapes, shape =>
        {
            var count = (int)shape.Aggregate(1L, (a, b) => a * b);
            var weight = tensor(values[at..(at + count)]).reshape(shape).DetachFromDisposeScope();
            at += count;
            return weight;
        });
    }

    /// <summary>Logits [N, 10] and features [N, 64] of pictures [N, 1, 8, 8] in 0..1.</summary>
    public override (Tensor Logits, Tensor Features) Look(Tensor pictures)
    {
        Shape.Expect(pictures, "N 1 8 8");
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var w = _weights;
        var x = functional.relu(functional.conv2d(pictures, w[0], w[1], padding: [1, 1]));
        x = functional.relu(functional.conv2d(x, w[2], w[3], padding: [1, 1]));
        x = functional.max_pool2d(x, 2);
        x = functional.relu(functional.conv2d(x, w[4], w[5], padding: [1, 1]));
        var features = functional.relu(functional.linear(x.flatten(1), w[6], w[7]));
        return (functional.linear(features, w[8], w[9]).MoveToOuterDisposeScope(), features.MoveToOuterDisposeScope());
    }

    /// <summary>Frees the network.</summary>
    public override void Dispose()
    {
        foreach (var weight in _weights) weight.Dispose();
    }

    private protected override (Tensor Mean, Tensor Covariance) Real => (_weights[10], _weights[11]);
}
