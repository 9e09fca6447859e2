using System.Runtime.Intrinsics;
using Cresset.Tensors;
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
        return new FusedUnary(node).Apply(x);
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
        return new FusedPair(node).Apply(gate, value);
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
        return new FusedPacked(node).Apply(packed);
    }

    private static unsafe Tensor Brain<TKernel>(TKernel kernel, Tensor x)
        where TKernel : struct, IFusedKernel
    {
        var y = TensorView.New<ushort>(x.shape);
        using TensorView<ushort> from = TensorView.Dense<ushort>(x), to = TensorView.Dense<ushort>(y, from.Count);
        Chunks.Run(from.Count, (start, count) => BrainFloat.Map(kernel, from.Start + start, to.Start + start, count));
        return y;
    }

    private static bool IsBrainFloatWithoutGradient(Tensor x)
        => Vector512.IsHardwareAccelerated && TensorView.IsDense<ushort>(x) && x.numel() > 0 && !(x.requires_grad && is_grad_enabled());

    private static bool Fits(Tensor x) => Vector256.IsHardwareAccelerated && TensorView.Holds<float>(x) && x.numel() > 0;

    private static bool SameShape(Tensor a, Tensor b)
    {
        var same = a.dim() == b.dim();
        for (var i = 0; same && i < a.dim(); i++) same = a.size(i) == b.size(i);
        return same;
    }
}
