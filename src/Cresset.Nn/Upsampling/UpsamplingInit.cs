using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Initial weights for layers that enlarge. All change the tensor in place without recording a gradient and return it.</summary>
public static class UpsamplingInit
{
    /// <summary>
    /// ICNR (Aitken et al. 2017): all scale^2 sub-kernels that pixel shuffle interleaves into one channel become equal to the first of
    /// them, so the layer starts as a convolution followed by nearest-neighbour enlargement.
    /// </summary>
    /// <param name="weight">Convolution weight [out * scale^2, in, kH, kW], already drawn.</param>
    /// <param name="scale">Enlargement.</param>
    /// <param name="bias">Bias [out * scale^2], made equal in the same way; may be null.</param>
    /// <exception cref="ShapeException">The channels are not a multiple of scale^2.</exception>
    public static Tensor Icnr(Tensor weight, int scale, Tensor? bias = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        var square = (long)scale * scale;
        if (weight.dim() < 1 || weight.size(0) % square != 0)
            throw Shape.Wrong(weight, $"[out * {square}, ...]", "Pixel shuffle needs scale^2 times the channels.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        weight.copy_(weight.slice(0, 0, weight.size(0), square).repeat_interleave(square, 0));
        bias?.copy_(bias.slice(0, 0, bias.size(0), square).repeat_interleave(square, 0));
        return weight;
    }

    /// <summary>
    /// The kernel [size, size] of bilinear interpolation by a factor (size + 1) / 2 (Long et al. 2015): a tent around the centre.
    /// </summary>
    public static Tensor BilinearKernel(long size, ScalarType dtype = ScalarType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        if (dtype is not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
            throw new ArgumentException($"The tent has fractions, which {dtype} cannot hold; take a floating-point type.", nameof(dtype));
        using var scope = NewDisposeScope();
        double factor = (size + 1) / 2;
        var center = size % 2 == 1 ? factor - 1 : factor - 0.5;
        var tent = 1 - (arange(size, dtype: ScalarType.Float64) - center).abs() / factor;
        return (tent.unsqueeze(1) * tent.unsqueeze(0)).to(dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Bilinear start of a transposed convolution's weight [in, out / groups, k, k]: channel c goes to channel c alone (in = out), or each
    /// input channel to its own output when grouped one by one.
    /// </summary>
    /// <exception cref="ShapeException">Not four dimensions or not square.</exception>
    public static Tensor Bilinear(Tensor weight)
    {
        Shape.Expect(weight, "I O K K");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var kernel = BilinearKernel(weight.size(2), ScalarType.Float64).to(weight.dtype).to(weight.device);
        weight.zero_();
        if (weight.size(1) == 1)
        {
            weight.copy_(kernel.expand_as(weight));
            return weight;
        }
        for (var c = 0L; c < Math.Min(weight.size(0), weight.size(1)); c++) weight[c, c].copy_(kernel);
        return weight;
    }
}
