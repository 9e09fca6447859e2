using System.Numerics;
using System.Runtime.InteropServices;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// mean((a - b)²) with the gradient of <c>a</c> alone, without a tensor of differences in the forward direction: the commitment term of a
/// large batch costs one pass over memory.
/// </summary>
internal static class SquaredDifference
{
    /// <summary>float scalar; shapes alike. <paramref name="target"/> is a constant.</summary>
    public static Tensor Mean(Tensor vectors, Tensor target)
    {
        using var scope = NewDisposeScope();
        target = target.detach();
        if (!TensorView.IsDense<float>(vectors) || !TensorView.IsDense<float>(target))
            return nn.functional.mse_loss(vectors, target).MoveToOuterDisposeScope();
        return (vectors.requires_grad ? new Operation().Apply(vectors, target) : Value(vectors, target)).MoveToOuterDisposeScope();
    }

    /// <summary>The value alone, without a gradient.</summary>
    internal static Tensor Value(Tensor vectors, Tensor target)
    {
        using TensorView<float> a = TensorView.Dense<float>(vectors), b = TensorView.Dense<float>(target, a.Count);
        return tensor((float)(Sum(a.Span, b.Span) / a.Count));
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
            for (var j = va.Length * Vector<float>.Count; j < length; j++)
                total += (a[start + j] - b[start + j]) * (a[start + j] - b[start + j]);
        }
        return total;
    }

    private sealed class Operation : DifferentiableOperation
    {
        public override string Name => nameof(SquaredDifference);

        protected override Tensor[] Forward(Tensor[] inputs) => [Value(inputs[0], inputs[1])];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
        {
            if (gradients[0] is not { } up) return [null, null];
            var scale = up * (2.0 / saved[0].numel());
            return is_grad_enabled() ? [(saved[0] - saved[1]) * scale, null] : [(saved[0].detach() - saved[1]).mul_(scale), null];
        }
    }
}
