using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>mean((a - b)²) with the gradient of <c>a</c> alone, without a tensor of differences in the forward direction: the commitment term of a large batch costs one pass over memory.</summary>
internal static class SquaredDifference
{
    /// <summary>float scalar; shapes alike. <paramref name="target"/> is a constant.</summary>
    public static Tensor Mean(Tensor vectors, Tensor target)
    {
        target = target.detach();
        if (!TensorSpans.IsManaged(vectors) || !TensorSpans.IsManaged(target) || !vectors.is_contiguous() || !target.is_contiguous()) return nn.functional.mse_loss(vectors, target);
        using var scope = NewDisposeScope();
        return (vectors.requires_grad ? Function.apply(vectors, target) : Value(vectors, target)).MoveToOuterDisposeScope();
    }

    /// <summary>The value alone, without a gradient.</summary>
    internal static Tensor Value(Tensor vectors, Tensor target)
    {
        using var detached = vectors.detach();
        return tensor((float)(Sum(TensorSpans.Of<float>(detached), TensorSpans.Of<float>(target)) / vectors.numel()));
    }

    private static double Sum(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        // Short float32 sums, added in float64.
        const int Block = 4096;
        var total = 0.0;
        for (var start = 0; start < a.Length; start += Block)
        {
            var length = Math.Min(Block, a.Length - start);
            var va = MemoryMarshal.Cast<float, Vector<float>>(a.Slice(start, length));
            var vb = MemoryMarshal.Cast<float, Vector<float>>(b.Slice(start, length));
            Vector<float> even = Vector<float>.Zero, odd = Vector<float>.Zero;
            var i = 0;
            for (; i + 1 < va.Length; i += 2)
            {
                var (d, e) = (va[i] - vb[i], va[i + 1] - vb[i + 1]);
                even += d * d;
                odd += e * e;
            }
            for (; i < va.Length; i++) even += (va[i] - vb[i]) * (va[i] - vb[i]);
            total += Vector.Sum(even + odd);
            for (var j = va.Length * Vector<float>.Count; j < length; j++) total += (a[start + j] - b[start + j]) * (a[start + j] - b[start + j]);
        }
        return total;
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(SquaredDifference);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (vectors, target) = ((Tensor)vars[0], (Tensor)vars[1]);
            ctx.save_for_backward([vectors, target]);
            return Value(vectors, target);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            var saved = ctx.get_saved_variables();
            var scale = grad_output * (2.0 / saved[0].numel());
            return [(saved[0].detach() - saved[1]).mul_(scale).MoveToOuterDisposeScope(), null!];
        }
    }
}
