using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Measures of the checkerboards that layers with uneven overlap draw (Odena et al. 2016).</summary>
public static class Checkerboard
{
    /// <summary>
    /// How many inputs reach each output of a transposed convolution along one dimension: even everywhere inside when the stride divides
    /// the kernel, a repeating pattern otherwise (1, 2, 1, 2 for kernel 3, stride 2).
    /// </summary>
    /// <param name="inputs">Number of inputs.</param>
    /// <param name="kernel">Kernel size.</param>
    /// <param name="stride">Stride.</param>
    /// <param name="padding">Padding: outputs cut from both ends.</param>
    public static int[] Overlap(int inputs, int kernel, int stride, int padding = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(kernel, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        var length = ((inputs - 1) * stride) + kernel - (2 * padding);
        if (length < 1)
            throw new ArgumentException($"Checkerboard.Overlap: padding {padding} leaves nothing of {length + (2 * padding)} outputs.",
                nameof(padding));
        var counts = new int[length];
        for (var i = 0; i < inputs; i++)
        {
            for (var k = 0; k < kernel; k++)
            {
                var at = (i * stride) + k - padding;
                if (at >= 0 && at < length) counts[at]++;
            }
        }
        return counts;
    }

    /// <summary>
    /// How uneven a layer's answer to a constant picture is inside its border: the largest difference between the scale^2 phases of a pixel
    /// block, over the mean size of the answer, averaged over channels. 0: no checkerboard.
    /// </summary>
    /// <param name="layer">[1, C, H, W] to [1, C', s H, s W].</param>
    /// <param name="channels">Channels C.</param>
    /// <param name="scale">Enlargement s.</param>
    /// <param name="size">H and W to try.</param>
    /// <exception cref="ShapeException">The layer enlarges by another factor.</exception>
    public static double Score(Func<Tensor, Tensor> layer, long channels, int scale = 2, int size = 16)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var y = layer(ones(1, channels, size, size));
        if (y.size(2) != scale * size || y.size(3) != scale * size) throw Shape.Wrong(y, $"[1, C, {scale * size}, {scale * size}]");
        var margin = scale * (size / 4);
        var inside = y.narrow(2, margin, y.size(2) - (2 * margin)).narrow(3, margin, y.size(3) - (2 * margin)).contiguous();
        var phases = nn.functional.pixel_unshuffle(inside, scale).reshape(inside.size(1), scale * scale, -1).mean([2]); // [C', s^2]
        var spread = phases.amax([1]) - phases.amin([1]);
        var level = inside.abs().mean([0, 2, 3]).clamp_min(1e-12);
        return (spread / level).mean().to(ScalarType.Float64).item<double>();
    }
}
