using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>
/// softmax(q k^T / sqrt(D)) v for one head in AVX-512: sums in float32 whatever the inputs are. Twelve query rows keep all their scores in
/// the second-level cache, so that softmax sees a whole row at once and needs no running corrections as blockwise forms do. Measured in
/// bench/results/diffusion.md.
/// </summary>
internal static unsafe class AttentionKernel
{
    /// <summary>Query rows at a time.</summary>
    public const int Rows = RegisterTile.Rows;

    private const int Columns = RegisterTile.Columns, Stride = RegisterTile.Stride, Chunk = RegisterTile.Chunk;

    /// <summary>Most numbers per head.</summary>
    public const int MostDepth = Chunk;

    /// <summary>Floats of packed keys.</summary>
    public static long KeySize(long keys, int depth) => RoundUp(keys, Columns) * depth;

    /// <summary>Floats of packed values.</summary>
    public static long ValueSize(long keys, int depth) => keys * RoundUp(depth, Columns);

    /// <summary>Working memory of one thread, aligned; the caller frees it.</summary>
    public static float* Scratch(long keys) =>
        (float*)NativeMemory.AlignedAlloc((nuint)(((RoundUp(keys, Chunk) / Chunk) + 2) * Rows * Stride * sizeof(float)), 64);

    /// <summary>
    /// <paramref name="count"/> (at most <see cref="Rows"/>) query rows from <paramref name="start"/> on, against packed keys and values.
    /// </summary>
    public static void Block(Matrix from, Matrix to, long start, long count, float* keysAt, float* valuesAt, long keys, int depth,
        float* scratch)
    {
        const int area = Rows * Stride;
        float* query = scratch, sum = scratch + area, scores = scratch + (2 * area);
        var scale = Vector512.Create((float)(1 / Math.Sqrt(depth)));
        for (var r = 0; r < Rows; r++)
        {
            for (var d = 0; d < depth; d += 16)
                (r < count ? from.Load(start + r, d) * scale : Vector512<float>.Zero).Store(query + (r * Stride) + d);
        }
        for (long s = 0; s < keys; s += Columns)
            RegisterTile.Multiply(query, keysAt + (s * depth), depth, Score(scores, 0, s), Stride, null, 0);
        var inverse = stackalloc float[Rows];
        for (var r = 0; r < count; r++) inverse[r] = 1 / Softmax(scores, r, keys);
        for (long s = 0; s < keys; s += Chunk)
        {
            var length = (int)Math.Min(Chunk, keys - s);
            for (var d = 0; d < depth; d += Columns)
                RegisterTile.Multiply(Score(scores, 0, s), valuesAt + (d * keys) + (s * Columns), length, sum + d, Stride,
                    s > 0 ? sum + d : null, Stride);
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
    private static float* Score(float* scores, int row, long key) =>
        scores + (key / Chunk * Rows * Stride) + (row * Stride) + (key % Chunk);

    /// <summary>Keys as panels of 32: [S / 32][D][32], the last filled up with zeros.</summary>
    public static void PackKeys(Matrix keys, long count, int depth, float* to)
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
    public static void PackValues(Matrix values, long count, int depth, float* to)
    {
        for (var d = 0; d < RoundUp(depth, Columns); d += 16)
        {
            var at = to + (d / Columns * Columns * count) + (d % Columns);
            for (long s = 0; s < count; s++) (d < depth ? values.Load(s, d) : Vector512<float>.Zero).Store(at + (s * Columns));
        }
    }

    private static long RoundUp(long x, long multiple) => (x + multiple - 1) / multiple * multiple;
}

/// <summary>Rows of float32 or bfloat16.</summary>
internal readonly unsafe struct Matrix(byte* start, long row, bool isBrain)
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
