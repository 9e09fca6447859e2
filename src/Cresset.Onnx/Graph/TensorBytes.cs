using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Values of a tensor as bytes, row by row where it is large: no second copy of a large weight.</summary>
internal static class TensorBytes
{
    private const long LargestPart = 1 << 28;

    public static void Write(Tensor tensor, Stream stream)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        if (tensor.numel() * tensor.element_size() > LargestPart && tensor.dim() > 0 && tensor.size(0) > 1)
        {
            var half = tensor.size(0) / 2;
            Write(tensor.narrow(0, 0, half), stream);
            Write(tensor.narrow(0, half, tensor.size(0) - half), stream);
        }
        else if (tensor.numel() > 0) stream.Write(tensor.detach().contiguous().bytes);
    }
}
