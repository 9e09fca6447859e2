using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// softmax(q k^T / sqrt(D)) v on the CPU without a mask and without gradients, in AVX-512: sums in float32 whatever the inputs are. libtorch's
/// own kernel multiplies small blocks by MKL, which reaches a third of the processor's rate where it may not use AVX-512.
/// A block of rows keeps its scores in the second-level cache, so that softmax needs no corrections.
/// </summary>
internal static unsafe class FusedAttention
{
    private const int Rows = RegisterTile.Rows, Columns = RegisterTile.Columns, Stride = RegisterTile.Stride, Chunk = RegisterTile.Chunk;
    private const int BlocksAtOnce = 8;

    /// <summary>Whether the kernel takes these tensors [B, H, L, D], [B, G, S, D], [B, G, S, D] with G dividing H, once their leading dimensions are aligned.</summary>
    public static bool Fits(Tensor q, Tensor k, Tensor v)
    {
        if (!Vector512.IsHardwareAccelerated || q.dim() != 4 || k.dim() != 4 || v.dim() != 4) return false;
        if (!(TensorView.Holds<float>(q) && TensorView.Holds<float>(k) && TensorView.Holds<float>(v)) && !(TensorView.Holds<ushort>(q) && TensorView.Holds<ushort>(k) && TensorView.Holds<ushort>(v))) return false;
        if (is_grad_enabled() && (q.requires_grad || k.requires_grad || v.requires_grad)) return false;
        if (k.size(1) != v.size(1) || k.size(1) == 0 || q.size(1) % k.size(1) != 0) return false;
        var depth = q.size(3);
        return depth % 16 == 0 && depth is > 0 and <= Chunk && v.size(3) == depth && k.size(2) > 0 && q.numel() > 0 && q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1;
    }

    /// <summary>[B, H, L, D], stored as [B, L, H, D], so that joining the heads costs nothing.</summary>
    public static Tensor Run(Tensor q, Tensor k, Tensor v)
    {
        long batch = q.size(0), heads = q.size(1), rows = q.size(2), groups = k.size(1), keys = k.size(2);
        var depth = (int)q.size(3);
        using var scope = NewDisposeScope();
        var result = empty([batch, rows, heads, depth], dtype: q.dtype, device: CPU).transpose(1, 2);
        long keySize = RoundUp(keys, Columns) * depth, valueSize = keys * RoundUp(depth, Columns), all = batch * heads, served = heads / groups;
        using TensorView<float> packed = TensorView.Dense<float>(TensorView.New<float>(batch * groups, keySize + valueSize));
        var memory = packed.Start;
        using Blocks from = new(q, batch, heads, rows, depth), of = new(k, batch, groups, keys, depth), with = new(v, batch, groups, keys, depth), to = new(result, batch, heads, rows, depth);
        Items.Each(batch * groups, head =>
        {
            var at = memory + (head * (keySize + valueSize));
            PackKeys(of.At(head), keys, depth, at);
            PackValues(with.At(head), keys, depth, at + keySize);
        });
        var blocks = (rows + Rows - 1) / Rows;
        var parts = (blocks + BlocksAtOnce - 1) / BlocksAtOnce;
        Items.Each(all * parts, item =>
        {
            var (head, part) = (item / parts, item % parts);
            // Heads are numbered through all samples, and so are the groups that serve them.
            var at = memory + (head / served * (keySize + valueSize));
            var scratch = (float*)NativeMemory.AlignedAlloc((nuint)(((RoundUp(keys, Chunk) / Chunk) + 2) * Rows * Stride * sizeof(float)), 64);
            for (var block = part * BlocksAtOnce; block < Math.Min(blocks, (part + 1) * BlocksAtOnce); block++)
            {
                Block(from.At(head), to.At(head), block * Rows, Math.Min(Rows, rows - (block * Rows)), at, at + keySize, keys, depth, scratch);
            }
            NativeMemory.AlignedFree(scratch);
        });
        return result.MoveToOuterDisposeScope();
    }

    private static void Block(Matrix from, Matrix to, long start, long count, float* keysAt, float* valuesAt, long keys, int depth, float* scratch)
    {
        const int area = Rows * Stride;
        float* query = scratch, sum = scratch + area, scores = scratch + (2 * area);
        var scale = Vector512.Create((float)(1 / Math.Sqrt(depth)));
        for (var r = 0; r < Rows; r++)
        {
            for (var d = 0; d < depth; d += 16) (r < count ? from.Load(start + r, d) * scale : Vector512<float>.Zero).Store(query + (r * Stride) + d);
        }
        for (long s = 0; s < keys; s += Columns) RegisterTile.Multiply(query, keysAt + (s * depth), depth, Score(scores, 0, s), Stride, null, 0);
        var inverse = stackalloc float[Rows];
        for (var r = 0; r < count; r++) inverse[r] = 1 / Softmax(scores, r, keys);
        for (long s = 0; s < keys; s += Chunk)
        {
            var length = (int)Math.Min(Chunk, keys - s);
            for (var d = 0; d < depth; d += Columns) RegisterTile.Multiply(Score(scores, 0, s), valuesAt + (d * keys) + (s * Columns), length, sum + d, Stride, s > 0 ? sum + d : null, Stride);
        }
        for (var r = 0; r < count; r++)
        {
            var factor = Vector512.Create(inverse[r]);
            for (var d = 0; d < depth; d += 16) to.Store(start + r, d, Vector512.Load(sum + (r * Stride) + d) * factor);
        }
    }

    /// <summary>Turns the scores of a row into e^(score - largest); returns their sum.</summary>
    private static float Softmax(float* scores, int row, long keys)
    {
        var largest = Vector512.Create(float.NegativeInfinity);
        for (long s = 0; s < keys; s += 16)
        {
            var at = Score(scores, row, s);
            if (keys - s < 16) new Span<float>(at + (keys - s), (int)(16 - (keys - s))).Fill(float.NegativeInfinity);
            largest = Vector512.Max(largest, Vector512.Load(at));
        }
        var top = float.NegativeInfinity;
        for (var i = 0; i < 16; i++) top = MathF.Max(top, largest[i]);
        Vector512<float> shift = Vector512.Create(top), sum = Vector512<float>.Zero;
        for (long s = 0; s < keys; s += 16)
        {
            var at = Score(scores, row, s);
            var value = Lanes.Exp(Vector512.Load(at) - shift).Value;
            value.Store(at);
            sum += value;
        }
        return Vector512.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Score(float* scores, int row, long key) => scores + (key / Chunk * Rows * Stride) + (row * Stride) + (key % Chunk);

    /// <summary>Keys as panels of 32: [S / 32][D][32], the last filled up with zeros.</summary>
    private static void PackKeys(Matrix keys, long count, int depth, float* to)
    {
        var row = stackalloc float[16];
        for (long s = 0; s < RoundUp(count, Columns); s++)
        {
            var at = to + (s / Columns * Columns * depth) + (s % Columns);
            for (var d = 0; d < depth; d += 16)
            {
                (s < count ? keys.Load(s, d) : Vector512<float>.Zero).Store(row);
                for (var i = 0; i < 16; i++) at[(d + i) * Columns] = row[i];
            }
        }
    }

    /// <summary>Values as panels of 32 channels: [D / 32][S][32], the last filled up with zeros.</summary>
    private static void PackValues(Matrix values, long count, int depth, float* to)
    {
        for (var d = 0; d < RoundUp(depth, Columns); d += 16)
        {
            var at = to + (d / Columns * Columns * count) + (d % Columns);
            for (long s = 0; s < count; s++) (d < depth ? values.Load(s, d) : Vector512<float>.Zero).Store(at + (s * Columns));
        }
    }

    private static long RoundUp(long x, long multiple) => (x + multiple - 1) / multiple * multiple;

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

    /// <summary>Rows of float32 or bfloat16.</summary>
    private readonly struct Matrix(byte* start, long row, bool isBrain)
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Load(long r, int d)
            => isBrain ? BrainFloat.Load((ushort*)start + (r * row) + d) : Vector512.Load((float*)start + (r * row) + d);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(long r, int d, Vector512<float> value)
        {
            if (isBrain) BrainFloat.Store(value, (ushort*)start + (r * row) + d);
            else value.Store((float*)start + (r * row) + d);
        }
    }
}
