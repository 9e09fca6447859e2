using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>x w^T + b in float32 by <see cref="PanelProduct"/>, without gradients.</summary>
internal static unsafe class PackedProduct
{
    /// <summary>x [..., in], w [out, in], b [out] or null to [..., out].</summary>
    public static Tensor Linear(Tensor input, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        long inputs = weight.size(1), outputs = weight.size(0), rows = input.numel() / inputs;
        Tensor x = input.contiguous(), w = weight.contiguous(),
            b = bias is null ? zeros(outputs, dtype: ScalarType.Float32, device: CPU) : bias.contiguous();
        var result = TensorView.New<float>([.. input.shape[..^1], outputs]);
        var product = new PanelProduct(rows, inputs, outputs);
        using TensorView<float> from = TensorView.Dense<float>(x, rows * inputs), weights = TensorView.Dense<float>(w, outputs * inputs);
        using TensorView<float> start = TensorView.Dense<float>(b, outputs), to = TensorView.Dense<float>(result, rows * outputs);
        using TensorView<float> rowScratch = TensorView.Dense<float>(TensorView.New<float>(product.RowScratch)),
            weightScratch = TensorView.Dense<float>(TensorView.New<float>(product.WeightScratch));
        product.Run(get_num_threads(), from.Start, weights.Start, start.Start, to.Start, rowScratch.Start, weightScratch.Start);
        return result.MoveToOuterDisposeScope();
    }
}
