using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Pixel shuffle or its inverse as an autograd node: each is the other's gradient.</summary>
internal sealed class Shuffled : autograd.SingleTensorFunction<Shuffled>
{
    // Below this libtorch's node costs less than a managed one.
    private const long Least = 1 << 14;

    public override string Name => nameof(Shuffled);

    /// <summary>Whether the kernels take this tensor; others are libtorch's.</summary>
    public static bool Fits(Tensor x)
        => x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && !x.is_sparse && x.numel() >= Least && Vector256.IsHardwareAccelerated && x.is_contiguous();

    public static Tensor Of(Tensor x, int factor, bool join) => x.requires_grad && is_grad_enabled() ? apply(x, factor, join) : Run(x, factor, join);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, factor, join) = ((Tensor)vars[0], (int)vars[1], (bool)vars[2]);
        ctx.save_data("factor", factor);
        ctx.save_data("join", join);
        ctx.save_data("shape", x.shape);
        return Run(x, factor, join);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var (factor, join) = ((int)ctx.get_data("factor"), (bool)ctx.get_data("join"));
        var result = FusedBackward.Guard(() => [Of(grad_output, factor, !join), null!, null!], (long[])ctx.get_data("shape"), 2);
        grad_output.Dispose();
        return result;
    }

    private static Tensor Run(Tensor x, int factor, bool join) => join ? ShuffleRows.Shuffle(x, factor) : ShuffleRows.Unshuffle(x, factor);
}
