using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A separable resampling as an autograd node. The map is linear: its gradient is the adjoint map, whose gradient is the map again, so
/// nothing is kept and derivatives of any order come from the same kernels.
/// </summary>
internal sealed class Resample : autograd.SingleTensorFunction<Resample>
{
    public override string Name => nameof(Resample);

    /// <summary>Whether the kernels take this tensor; others are libtorch's.</summary>
    public static bool Fits(Tensor x)
        => x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && !x.is_sparse && x.numel() > 0 && Vector256.IsHardwareAccelerated && x.is_contiguous();

    /// <summary>Applies the map, recording it where a gradient is wanted.</summary>
    public static Tensor Of(Tensor x, Resampling map) => x.requires_grad && is_grad_enabled() ? apply(x, map) : map.Run(x);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, map) = ((Tensor)vars[0], (Resampling)vars[1]);
        ctx.save_data("map", map);
        ctx.save_data("shape", x.shape);
        return map.Run(x);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var map = (Resampling)ctx.get_data("map");
        var shape = (long[])ctx.get_data("shape");
        var result = FusedBackward.Guard(() => [Of(grad_output, map.Transposed), null!], shape, 1);
        grad_output.Dispose();
        return result;
    }
}
