using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// softmax(q k^T / sqrt(D)) v on the CPU without a mask and without gradients by <see cref="AttentionKernel"/>. libtorch's own kernel
/// multiplies small blocks by MKL, which reaches a third of the processor's rate where it may not use AVX-512.
/// </summary>
internal static unsafe class FusedAttention
{
    // A hand-out of work is 96 query rows: long against its cost, short enough to share out evenly.
    private const int BlocksAtOnce = 8;

    /// <summary>
    /// Whether the kernel takes these tensors [B, H, L, D], [B, G, S, D], [B, G, S, D] with G dividing H, once their leading dimensions are
    /// aligned.
    /// </summary>
    public static bool Fits(Tensor q, Tensor k, Tensor v)
    {
        if (!Vector512.IsHardwareAccelerated || q.dim() != 4 || k.dim() != 4 || v.dim() != 4) return false;
        if (!(TensorView.Holds<float>(q) && TensorView.Holds<float>(k) && TensorView.Holds<float>(v))
            && !(TensorView.Holds<ushort>(q) && TensorView.Holds<ushort>(k) && TensorView.Holds<ushort>(v))) return false;
        if (is_grad_enabled() && (q.requires_grad || k.requires_grad || v.requires_grad)) return false;
        if (k.size(1) != v.size(1) || k.size(1) == 0 || q.size(1) % k.size(1) != 0) return false;
        var depth = q.size(3);
        return depth % 16 == 0 && depth is > 0 and <= AttentionKernel.MostDepth && v.size(3) == depth && k.size(2) > 0 && q.numel() > 0
            && q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1;
    }

    /// <summary>[B, H, L, D], stored as [B, L, H, D], so that joining the heads costs nothing.</summary>
    public static Tensor Run(Tensor q, Tensor k, Tensor v)
    {
        long batch = q.size(0), heads = q.size(1), rows = q.size(2), groups = k.size(1), keys = k.size(2);
        var depth = (int)q.size(3);
        using var scope = NewDisposeScope();
        var result = empty([batch, rows, heads, depth], dtype: q.dtype, device: CPU).transpose(1, 2);
        long keySize = AttentionKernel.KeySize(keys, depth), valueSize = AttentionKernel.ValueSize(keys, depth), all = batch * heads,
            served = heads / groups;
        using TensorView<float> packed = TensorView.Dense<float>(TensorView.New<float>(batch * groups, keySize + valueSize));
        var memory = packed.Start;
        using Blocks from = new(q, batch, heads, rows, depth), of = new(k, batch, groups, keys, depth),
            with = new(v, batch, groups, keys, depth), to = new(result, batch, heads, rows, depth);
        TensorWork.Each(batch * groups, head =>
        {
            var at = memory + (head * (keySize + valueSize));
            AttentionKernel.PackKeys(of.At(head), keys, depth, at);
            AttentionKernel.PackValues(with.At(head), keys, depth, at + keySize);
        });
        var blocks = (rows + AttentionKernel.Rows - 1) / AttentionKernel.Rows;
        var parts = (blocks + BlocksAtOnce - 1) / BlocksAtOnce;
        TensorWork.Each(all * parts, item =>
        {
            var (head, part) = (item / parts, item % parts);
            // Heads are numbered through all samples, and so are the groups that serve them.
            var at = memory + (head / served * (keySize + valueSize));
            var scratch = AttentionKernel.Scratch(keys);
            for (var block = part * BlocksAtOnce; block < Math.Min(blocks, (part + 1) * BlocksAtOnce); block++)
            {
                var start = block * AttentionKernel.Rows;
                AttentionKernel.Block(from.At(head), to.At(head), start, Math.Min(AttentionKernel.Rows, rows - start), at, at + keySize,
                    keys, depth, scratch);
            }
            NativeMemory.AlignedFree(scratch);
        });
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Where the matrices of a [B, H, N, D] tensor lie.</summary>
    private readonly struct Blocks : IDisposable
    {
        private readonly StridedView<float> _floats;
        private readonly StridedView<ushort> _brains;
        private readonly long _heads;
        private readonly bool _isBrain;

        public Blocks(Tensor tensor, long batch, long heads, long rows, long depth)
        {
            (_heads, _isBrain) = (heads, tensor.dtype == ScalarType.BFloat16);
            if (_isBrain) _brains = TensorView.Strided<ushort>(tensor, [batch, heads, rows, depth]);
            else _floats = TensorView.Strided<float>(tensor, [batch, heads, rows, depth]);
        }

        public Matrix At(long index)
        {
            var (sample, head) = Math.DivRem(index, _heads);
            return _isBrain
                ? new((byte*)(_brains.Start + (sample * _brains.Stride(0)) + (head * _brains.Stride(1))), _brains.Stride(2), true)
                : new((byte*)(_floats.Start + (sample * _floats.Stride(0)) + (head * _floats.Stride(1))), _floats.Stride(2), false);
        }

        public void Dispose()
        {
            if (_isBrain) _brains.Dispose();
            else _floats.Dispose();
        }
    }
}
