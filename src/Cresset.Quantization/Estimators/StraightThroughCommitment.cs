using System.Numerics;
using System.Runtime.InteropServices;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The straight-through estimator and the commitment term as one function: their gradients meet at the vectors, and made together they cost
/// one pass and no tensor but the gradient itself.
/// </summary>
internal static class StraightThroughCommitment
{
    private const int Part = 1 << 16;

    /// <summary>
    /// Values as <see cref="StraightThrough.Apply"/> and mean((vectors - codes)²); the codes are constants. float32 in main memory, [N, D]
    /// both.
    /// </summary>
    public static (Tensor Values, Tensor Commitment) Apply(Tensor vectors, Tensor codes)
    {
        using var scope = NewDisposeScope();
        var results = new Operation().ApplyAll(vectors, codes.detach());
        return (results[0].MoveToOuterDisposeScope(), results[1].MoveToOuterDisposeScope());
    }

    /// <summary>Whether <see cref="Apply"/> handles these tensors.</summary>
    public static bool Handles(Tensor vectors, Tensor codes)
        => vectors.requires_grad && is_grad_enabled() && TensorView.IsDense<float>(vectors) && TensorView.IsDense<float>(codes)
            && vectors.numel() == codes.numel();

    /// <summary>upstream + scale (vectors - codes), part by part on all processors.</summary>
    private static unsafe void Gradient(ReadOnlySpan<float> upstream, ReadOnlySpan<float> vectors, ReadOnlySpan<float> codes, float scale,
        Span<float> result)
    {
        fixed (float* g = upstream, z = vectors, q = codes, r = result)
        {
            float* gPointer = g, zPointer = z, qPointer = q, rPointer = r;
            var length = result.Length;
            void Run(long part)
            {
                var offset = part * Part;
                var count = (int)Math.Min(Part, length - offset);
                var vg = MemoryMarshal.Cast<float, Vector<float>>(new ReadOnlySpan<float>(gPointer + offset, count));
                var vz = MemoryMarshal.Cast<float, Vector<float>>(new ReadOnlySpan<float>(zPointer + offset, count));
                var vq = MemoryMarshal.Cast<float, Vector<float>>(new ReadOnlySpan<float>(qPointer + offset, count));
                var target = new Span<float>(rPointer + offset, count);
                var vr = MemoryMarshal.Cast<float, Vector<float>>(target);
                for (var i = 0; i < vr.Length; i++) vr[i] = vg[i] + (scale * (vz[i] - vq[i]));
                for (var i = vr.Length * Vector<float>.Count; i < count; i++)
                    target[i] = gPointer[offset + i] + (scale * (zPointer[offset + i] - qPointer[offset + i]));
            }
            TensorWork.Each((length + Part - 1) / Part, Run);
        }
    }

    private sealed class Operation : DifferentiableOperation
    {
        public override string Name => nameof(StraightThroughCommitment);

        protected override Tensor[] Forward(Tensor[] inputs) => [inputs[1].alias(), SquaredDifference.Value(inputs[0], inputs[1])];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
        {
            var (vectors, codes) = (saved[0], saved[1]);
            // The gradient of the codes' values goes to the vectors as it is, that of the commitment term towards the codes.
            if (gradients[1] is not { } weight) return [gradients[0]?.alias(), null];
            if (is_grad_enabled())
            {
                var term = (vectors - codes) * (weight * (2.0 / vectors.numel()));
                return [gradients[0] is { } given ? given + term : term, null];
            }
            var upstream = (gradients[0] ?? zeros_like(vectors)).contiguous();
            using TensorView<float> z = TensorView.Dense<float>(vectors), q = TensorView.Dense<float>(codes, z.Count),
                g = TensorView.Dense<float>(upstream, z.Count);
            var scale = 2 * weight.ToDouble() / z.Count;
            var result = TensorView.New<float>(vectors.shape);
            using var r = TensorView.Dense<float>(result, z.Count);
            Gradient(g.Span, z.Span, q.Span, (float)scale, r.Span);
            return [result, null];
        }
    }
}
