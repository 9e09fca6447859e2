using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>What stands between the products of a transformer's block, for one token. Any lengths.</summary>
internal static unsafe class TokenKernels
{
    /// <summary>Turns heads [heads, 2 half] in place: number i goes with number i + half as real and imaginary part.</summary>
    public static void Turn(float* x, float* cosine, float* sine, long heads, long half)
    {
        for (long head = 0; head < heads; head++, x += 2 * half)
        {
            for (long i = 0; i < half; i++)
            {
                var (real, imaginary) = (x[i], x[i + half]);
                x[i] = (real * cosine[i]) - (imaginary * sine[i]);
                x[i + half] = (imaginary * cosine[i]) + (real * sine[i]);
            }
        }
    }

    /// <summary>Floats of working memory for <see cref="Attend"/>.</summary>
    public static long Scratch(long count) => (count + 15) / 16 * 16;

    /// <summary>softmax(q k^T / sqrt(depth)) v of one query.</summary>
    /// <param name="query">[depth]; overwritten.</param>
    /// <param name="keys">[count, depth], dense.</param>
    /// <param name="values">[count, depth], dense.</param>
    /// <param name="result">[depth].</param>
    /// <param name="count">Tokens that are seen, at least 1.</param>
    /// <param name="depth">Numbers per head.</param>
    /// <param name="scratch">Memory of <see cref="Scratch"/> floats.</param>
    public static void Attend(float* query, float* keys, float* values, float* result, long count, long depth, float* scratch)
    {
        var scale = (float)(1 / Math.Sqrt(depth));
        for (long i = 0; i < depth; i++) query[i] *= scale;
        VectorProduct.Multiply(keys, null, query, scratch, count, depth);
        var most = float.NegativeInfinity;
        for (long s = 0; s < count; s++) most = MathF.Max(most, scratch[s]);
        for (var s = count; s < Scratch(count); s++) scratch[s] = float.NegativeInfinity;
        var (top, total) = (Vector512.Create(most), Vector512<float>.Zero);
        for (long s = 0; s < count; s += 16)
        {
            var share = Lanes.Exp(Vector512.Load(scratch + s) - top).Value;
            share.Store(scratch + s);
            total += share;
        }
        var inverse = 1 / Vector512.Sum(total);
        long d = 0;
        for (; d <= depth - 16; d += 16)
        {
            Vector512<float> even = default, odd = default;
            long s = 0;
            for (; s <= count - 2; s += 2)
            {
                even = Vector512.FusedMultiplyAdd(Vector512.Create(scratch[s]), Vector512.Load(values + (s * depth) + d), even);
                odd = Vector512.FusedMultiplyAdd(Vector512.Create(scratch[s + 1]), Vector512.Load(values + ((s + 1) * depth) + d), odd);
            }
            if (s < count) even = Vector512.FusedMultiplyAdd(Vector512.Create(scratch[s]), Vector512.Load(values + (s * depth) + d), even);
            ((even + odd) * Vector512.Create(inverse)).Store(result + d);
        }
        for (; d < depth; d++)
        {
            var sum = 0f;
            for (long s = 0; s < count; s++) sum = MathF.FusedMultiplyAdd(scratch[s], values[(s * depth) + d], sum);
            result[d] = sum * inverse;
        }
    }
}
