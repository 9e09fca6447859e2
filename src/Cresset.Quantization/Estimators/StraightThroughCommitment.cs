using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The straight-through estimator and the commitment term as one function: their gradients meet at the vectors, and made
/// together they cost one pass and no tensor but the gradient itself.
/// </summary>
internal static class StraightThroughCommitment
{
    private const int Part = 1 << 16;

    /// <summary>Values as <see cref="StraightThrough.Apply"/> and mean((vectors - codes)²); the codes are constants. float32 in main memory, [N, D] both.</summary>
    public static (Tensor Values, Tensor Commitment) Apply(Tensor vectors, Tensor codes)
    {
        using var scope = NewDisposeScope();
        var results = Function.apply(vectors, codes.detach());
        // TorchSharp shapes the zero gradient of an unused result after empty copies made last of all, which the node disposes
        // of with itself: they must outlive this scope, but need no memory of their own.
        foreach (var copy in scope.DisposablesView.SkipWhile(t => !ReferenceEquals(t, results[^1])).Skip(1).OfType<Tensor>().ToList())
        {
            copy.set_(zeros(Array.Empty<long>(), dtype: copy.dtype).expand(copy.shape));
            copy.DetachFromDisposeScope();
        }
        return (results[0].MoveToOuterDisposeScope(), results[1].MoveToOuterDisposeScope());
    }

    /// <summary>Whether <see cref="Apply"/> handles these tensors.</summary>
    public static bool Handles(Tensor vectors, Tensor codes)
        => vectors.requires_grad && TensorSpans.IsManaged(vectors) && TensorSpans.IsManaged(codes) && vectors.is_contiguous() && codes.is_contiguous();

    /// <summary>upstream + scale (vectors - codes), part by part on all processors.</summary>
    private static unsafe void Gradient(ReadOnlySpan<float> upstream, ReadOnlySpan<float> vectors, ReadOnlySpan<float> codes, float scale, Span<float> result)
    {
        fixed (float* g = upstream, z = vectors, q = codes, r = result)
        {
            float* gPointer = g, zPointer = z, qPointer = q, rPointer = r;
            var length = result.Length;
            void Run(int part)
            {
                var count = Math.Min(Part, length - (part * Part));
                var offset = (long)part * Part;
                var vg = MemoryMarshal.Cast<float, Vector<float>>(new ReadOnlySpan<float>(gPointer + offset, count));
                var vz = MemoryMarshal.Cast<float, Vector<float>>(new ReadOnlySpan<float>(zPointer + offset, count));
                var vq = MemoryMarshal.Cast<float, Vector<float>>(new ReadOnlySpan<float>(qPointer + offset, count));
                var target = new Span<float>(rPointer + offset, count);
                var vr = MemoryMarshal.Cast<float, Vector<float>>(target);
                for (var i = 0; i < vr.Length; i++) vr[i] = vg[i] + (scale * (vz[i] - vq[i]));
                for (var i = vr.Length * Vector<float>.Count; i < count; i++) target[i] = gPointer[offset + i] + (scale * (zPointer[offset + i] - qPointer[offset + i]));
            }
            var parts = (length + Part - 1) / Part;
            if (parts == 1) Run(0);
            else Parallel.For(0, parts, Run);
        }
    }

    private sealed class Function : autograd.MultiTensorFunction<Function>
    {
        public override string Name => nameof(StraightThroughCommitment);

        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (vectors, codes) = ((Tensor)vars[0], (Tensor)vars[1]);
            ctx.save_for_backward([vectors, codes]);
            return [codes.alias(), SquaredDifference.Value(vectors, codes)];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            using var scope = NewDisposeScope();
            var saved = ctx.get_saved_variables();
            Tensor upstream = grad_outputs[0], weight = grad_outputs[1];
            // A result that the caller did not use has a gradient of zeros.
            if (weight.ToDouble() == 0) return [upstream.alias().MoveToOuterDisposeScope(), null!];
            Tensor vectors = saved[0].detach(), codes = saved[1];
            var scale = 2 * weight.ToDouble() / vectors.numel();
            var result = empty_like(vectors);
            Gradient(TensorSpans.Of<float>(upstream.contiguous()), TensorSpans.Of<float>(vectors), TensorSpans.Of<float>(codes), (float)scale, TensorSpans.Of<float>(result));
            return [result.MoveToOuterDisposeScope(), null!];
        }
    }
}
