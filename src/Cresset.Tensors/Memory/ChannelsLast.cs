using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Pictures whose channels lie side by side in memory while their shape stays [N, C, H, W]. A convolution on the CPU reads them faster, and
/// its result is laid out like its input, so that a net decides once, where pictures come in; weights and files stay as they are.
/// </summary>
public static class ChannelsLast
{
    /// <summary>
    /// The pictures with channels last where that is faster: float32 in main memory, more than one pixel. Everything else comes back as it
    /// is (the same object), and so does all while a module is traced. A copy joins the open scope.
    /// </summary>
    /// <param name="pictures">[N, C, H, W].</param>
    public static Tensor Of(Tensor pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.dim() != 4 || !TensorView.Holds<float>(pictures) || pictures.size(2) * pictures.size(3) == 1 || Is(pictures))
            return pictures;
        using var scope = NewDisposeScope();
        // One channel lies last already; only the strides must say so.
        var rows = pictures.size(1) == 1
            ? pictures.reshape(pictures.size(0), pictures.size(2), pictures.size(3), 1)
            : pictures.permute(0, 2, 3, 1).contiguous();
        return rows.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a tensor [N, C, H, W] of more than one channel lies densely with channels last, and not as usual.</summary>
    public static bool Is(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.dim() != 4 || tensor.is_contiguous()) return false;
        long channels = tensor.size(1), width = tensor.size(3), height = tensor.size(2);
        return tensor.stride(1) == 1 && tensor.stride(3) == channels && tensor.stride(2) == channels * width
            && tensor.stride(0) == channels * width * height;
    }
}
