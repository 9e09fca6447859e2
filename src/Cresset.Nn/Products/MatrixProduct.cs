using System.Runtime.Intrinsics.X86;
using Cresset.Native;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Linear maps by what is fastest. MKL, which libtorch uses, multiplies float32 matrices with AVX2 on every processor that is not Intel's,
/// at half speed where it has AVX-512. There a product without gradients is our own, and one with gradients a convolution with a kernel of
/// one: those libtorch hands to oneDNN, which uses what the processor has.
/// </summary>
internal static class MatrixProduct
{
    // Below this many multiplications laying out the weights anew costs what is won.
    private const long SmallestWork = 1L << 22;

    // A few rows do not pay for laying out the weights.
    private const long SmallestRows = 48;

    // libtorch keeps 1 x 1 convolutions of fewer samples to MKL when it runs on one thread.
    private const long SmallestBatch = 16;

    private static readonly bool MklIsSlow = Avx512F.IsSupported && !CpuFeatures.IsIntel;

    /// <summary>input weight^T + bias.</summary>
    /// <param name="input">[..., in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <returns>[..., out].</returns>
    public static Tensor Linear(Tensor input, Tensor weight, Tensor? bias = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(weight);
        return MklIsSlow && TensorView.Holds<float>(input) && TensorView.Holds<float>(weight)
            && input.dim() > 1 && input.numel() >= SmallestRows * input.shape[^1] && input.numel() * weight.size(0) >= SmallestWork
            && Fast(input, weight, bias) is { } result
            ? result
            : nn.functional.linear(input, weight, bias);
    }

    private static Tensor? Fast(Tensor input, Tensor weight, Tensor? bias)
    {
        // What does not fit is libtorch's to refuse.
        if (weight.dim() != 2 || weight.size(1) != input.shape[^1]) return null;
        if (bias is not null && (!TensorView.Holds<float>(bias) || bias.dim() != 1 || bias.size(0) != weight.size(0))) return null;
        var needsGradient = is_grad_enabled() && (input.requires_grad || weight.requires_grad || bias?.requires_grad == true);
        // A convolution that is held to narrow instructions loses to MKL's product.
        if (needsGradient) return NativeRuntime.HasWideConvolutions ? LinearByConvolution(input, weight, bias) : null;
        return PackedProduct.Linear(input, weight, bias);
    }

    /// <summary>The same by a 1 x 1 convolution; null where the rows do not divide into samples.</summary>
    internal static Tensor? LinearByConvolution(Tensor input, Tensor weight, Tensor? bias)
    {
        long inputs = input.shape[^1], rows = input.numel() / Math.Max(1, inputs);
        var batch = SmallestBatch;
        while (batch <= rows / 4 && rows % batch != 0) batch++;
        if (batch > rows / 4) return null;
        using var scope = NewDisposeScope();
        // Channels last, so that neither input nor result moves in memory.
        var samples = input.reshape(batch, rows / batch, 1, inputs).permute(0, 3, 1, 2);
        var result = nn.functional.conv2d(samples, weight.reshape(weight.size(0), inputs, 1, 1), bias);
        return result.permute(0, 2, 3, 1).reshape([.. input.shape[..^1], weight.size(0)]).MoveToOuterDisposeScope();
    }
}
