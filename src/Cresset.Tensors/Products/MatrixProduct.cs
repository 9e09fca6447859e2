using System.Runtime.Intrinsics.X86;
using Cresset.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Linear maps by the faster of libtorch's two libraries. MKL, which libtorch uses, multiplies float32 matrices with AVX2 on every
/// processor that is not Intel's; oneDNN uses AVX-512 where it finds it, but libtorch hands it convolutions only. A linear map is a
/// convolution with a kernel of one: that is twice as fast there, forward and backward.
/// </summary>
public static class MatrixProduct
{
    // Below this many multiplications laying out the weights anew costs what is won.
    private const long SmallestWork = 1L << 22;

    // libtorch keeps 1 x 1 convolutions of fewer samples to MKL when it runs on one thread.
    private const long SmallestBatch = 16;

    private static readonly bool ConvolutionIsFaster = Avx512F.IsSupported && !CpuFeatures.IsIntel;

    /// <summary>input weight^T + bias.</summary>
    /// <param name="input">[..., in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <returns>[..., out].</returns>
    public static Tensor Linear(Tensor input, Tensor weight, Tensor? bias = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(weight);
        return ConvolutionIsFaster && input.device_type == DeviceType.CPU && input.dtype == ScalarType.Float32 && weight.dtype == ScalarType.Float32
            && input.dim() > 1 && input.numel() * weight.size(0) >= SmallestWork && LinearByConvolution(input, weight, bias) is { } result
            ? result
            : nn.functional.linear(input, weight, bias);
    }

    /// <summary>The same by a 1 x 1 convolution; null where the rows do not divide into samples.</summary>
    internal static Tensor? LinearByConvolution(Tensor input, Tensor weight, Tensor? bias)
    {
        long inputs = input.shape[^1], rows = input.numel() / Math.Max(1, inputs);
        var batch = SmallestBatch;
        while (batch <= rows / 4 && rows % batch != 0) batch++;
        if (batch > rows / 4 || weight.dim() != 2 || weight.size(1) != inputs) return null;
        using var scope = NewDisposeScope();
        // Channels last, so that neither input nor result moves in memory.
        var samples = input.reshape(batch, rows / batch, 1, inputs).permute(0, 3, 1, 2);
        var result = nn.functional.conv2d(samples, weight.reshape(weight.size(0), inputs, 1, 1), bias);
        return result.permute(0, 2, 3, 1).reshape([.. input.shape[..^1], weight.size(0)]).MoveToOuterDisposeScope();
    }
}
