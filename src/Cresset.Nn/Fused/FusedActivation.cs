using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Runs an activation through its fused kernel where that is possible, otherwise through libtorch's operations.</summary>
internal static class FusedActivation
{
    /// <summary>f(x), [...] to the same shape.</summary>
    public static Tensor Apply<TKernel>(TKernel kernel, Tensor x, ActivationBuffers? buffers = null)
        where TKernel : struct, IFusedKernel
    {
        if (IsBrainFloatWithoutGradient(x)) return Brain(kernel, x);
        if (!Fits(x)) return kernel.Composed(x);
        var node = new FusedNode<TKernel>(kernel, buffers);
        return x.requires_grad && is_grad_enabled() ? FusedUnary.apply(x, node) : node.Value(x);
    }

    /// <summary>f(gate) * value for two tensors of one shape.</summary>
    public static Tensor Gate<TKernel>(TKernel kernel, Tensor gate, Tensor value, ActivationBuffers? buffers = null)
        where TKernel : struct, IFusedKernel
    {
        if (!Fits(gate) || !Fits(value) || !SameShape(gate, value))
        {
            using var scope = NewDisposeScope();
            return (kernel.Composed(gate) * value).MoveToOuterDisposeScope();
        }
        var node = new FusedNode<TKernel>(kernel, buffers);
        return (gate.requires_grad || value.requires_grad) && is_grad_enabled() ? FusedPair.apply(gate, value, node) : node.Gate(gate, value);
    }

    /// <summary>f(gate) * value of a packed tensor [..., 2H] whose halves are gate and value, to [..., H].</summary>
    public static Tensor GatePacked<TKernel>(TKernel kernel, Tensor packed, bool gateFirst, ActivationBuffers? buffers = null)
        where TKernel : struct, IFusedKernel
    {
        if (!Fits(packed))
        {
            using var scope = NewDisposeScope();
            var (gate, value) = GatedUnits.Split(packed, gateFirst ? GateLayout.GateFirst : GateLayout.GateLast);
            return (kernel.Composed(gate) * value).MoveToOuterDisposeScope();
        }
        var node = new FusedNode<TKernel>(kernel, buffers) { GateFirst = gateFirst };
        return packed.requires_grad && is_grad_enabled() ? FusedPacked.apply(packed, node) : node.Packed(packed);
    }

    private static unsafe Tensor Brain<TKernel>(TKernel kernel, Tensor x)
        where TKernel : struct, IFusedKernel
    {
        var y = empty_like(x);
        ushort* from = (ushort*)TensorPointer.Of(x), to = (ushort*)TensorPointer.Of(y);
        Chunks.Run(x.numel(), (start, count) => BrainFloat.Map(kernel, from + start, to + start, count));
        GC.KeepAlive(x);
        return y;
    }

    private static bool IsBrainFloatWithoutGradient(Tensor x)
        => x.dtype == ScalarType.BFloat16 && x.device_type == DeviceType.CPU && !x.is_sparse && x.numel() > 0 && x.is_contiguous() && Vector512.IsHardwareAccelerated && !(x.requires_grad && is_grad_enabled());

    private static bool Fits(Tensor x) => x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && !x.is_sparse && x.numel() > 0 && Vector256.IsHardwareAccelerated;

    private static bool SameShape(Tensor a, Tensor b)
    {
        var same = a.dim() == b.dim();
        for (var i = 0; same && i < a.dim(); i++) same = a.size(i) == b.size(i);
        return same;
    }
}
