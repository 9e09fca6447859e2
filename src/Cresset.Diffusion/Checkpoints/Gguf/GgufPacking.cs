using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cresset.Nn;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>Packs numbers into ggml's blocks. Scales are chosen for the smallest squared error, larger values counting more.</summary>
internal static class GgufPacking
{
    private delegate void Packer(ReadOnlySpan<float> values, Span<byte> block);

    /// <summary>
    /// The largest magnitude whose block's scale a float16 holds: 127, 8 and 63 steps of it at most, of the K type of six bits 31 steps of
    /// a scale that is itself in 128.
    /// </summary>
    public static float Largest(GgufType type) => (float)Half.MaxValue * type switch
    {
        GgufType.Q8_0 => 127,
        GgufType.Q4_0 => 8,
        GgufType.Q4_K => 63,
        GgufType.Q6_K => 128 * 31,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Q4_0, Q8_0, Q4_K and Q6_K have blocks."),
    };

    /// <summary>Packs whole blocks; the length of <paramref name="values"/> must be a multiple of the block's.</summary>
    public static byte[] Pack(GgufType type, float[] values)
    {
        var (elements, bytes) = type.Block();
        Packer pack = type switch
        {
            GgufType.F16 => static (v, b) => BinaryPrimitives.WriteHalfLittleEndian(b, (Half)v[0]),
            GgufType.F32 => static (v, b) => BinaryPrimitives.WriteSingleLittleEndian(b, v[0]),
            GgufType.Q8_0 => Q8,
            GgufType.Q4_0 => Q4,
            GgufType.Q4_K => Q4K,
            GgufType.Q6_K => Q6K,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Written are F32, F16, Q4_0, Q8_0, Q4_K and Q6_K."),
        };
        var result = new byte[values.Length / elements * bytes];
        // Blocks do not depend on one another.
        const int group = 512;
        var blocks = values.Length / elements;
        TensorWork.Each((blocks + group - 1) / group, g =>
        {
            for (var i = (int)g * group; i < Math.Min(blocks, ((int)g + 1) * group); i++)
                pack(values.AsSpan(i * elements, elements), result.AsSpan(i * bytes, bytes));
        });
        return result;
    }

    private static void Q8(ReadOnlySpan<float> values, Span<byte> block)
    {
        var largest = 0f;
        foreach (var v in values) largest = Math.Max(largest, Math.Abs(v));
        var scale = largest / 127;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < 32; i++)
            block[2 + i] =
                (byte)(sbyte)(scale == 0 ? 0 : Math.Clamp(MathF.Round(values[i] / scale, MidpointRounding.AwayFromZero), -127, 127));
    }

    private static void Q4(ReadOnlySpan<float> values, Span<byte> block)
    {
        // The value of largest magnitude, sign included, is laid on -8.
        var extreme = 0f;
        foreach (var v in values)
        {
            if (Math.Abs(v) > Math.Abs(extreme)) extreme = v;
        }
        var scale = extreme / -8;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < 16; i++) block[2 + i] = (byte)(Nibble(values[i]) | (Nibble(values[16 + i]) << 4));

        int Nibble(float value) => scale == 0 ? 8 : Math.Clamp((int)((value / scale) + 8.5f), 0, 15);
    }

    private static void Q4K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<float> scales = stackalloc float[8], minima = stackalloc float[8];
        float largestScale = 0, largestMinimum = 0;
        for (var sub = 0; sub < 8; sub++)
        {
            (scales[sub], minima[sub]) = ScaleAndMinimum(values.Slice(32 * sub, 32), 15);
            largestScale = Math.Max(largestScale, scales[sub]);
            largestMinimum = Math.Max(largestMinimum, minima[sub]);
        }
        block.Clear();
        Half d = (Half)(largestScale / 63), low = (Half)(largestMinimum / 63);
        BinaryPrimitives.WriteHalfLittleEndian(block, d);
        BinaryPrimitives.WriteHalfLittleEndian(block[2..], low);
        var packed = block.Slice(4, 12);
        for (var sub = 0; sub < 8; sub++)
        {
            int s = Whole(scales[sub], largestScale), m = Whole(minima[sub], largestMinimum);
            if (sub < 4)
            {
                packed[sub] |= (byte)s;
                packed[sub + 4] |= (byte)m;
            }
            else
            {
                packed[sub + 4] = (byte)((s & 15) | ((m & 15) << 4));
                packed[sub - 4] |= (byte)((s >> 4) << 6);
                packed[sub] |= (byte)((m >> 4) << 6);
            }
            float step = (float)d * s, offset = (float)low * m;
            for (var i = 0; i < 32; i++)
            {
                var q = step == 0 ? 0 : (int)Math.Clamp(MathF.Round((values[(32 * sub) + i] + offset) / step), 0, 15);
                block[16 + (32 * (sub / 2)) + i] |= (byte)(q << (4 * (sub % 2)));
            }
        }

        static int Whole(float value, float largest) => largest == 0 ? 0 : (int)Math.Min(63, MathF.Round(63 * value / largest));
    }

    private static void Q6K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<float> scales = stackalloc float[16];
        var extreme = 0f;
        for (var sub = 0; sub < 16; sub++)
        {
            scales[sub] = Scale(values.Slice(16 * sub, 16), 32);
            if (Math.Abs(scales[sub]) > Math.Abs(extreme)) extreme = scales[sub];
        }
        block.Clear();
        if (extreme == 0) return;
        // The scale of largest magnitude is laid on -128.
        var d = (Half)(extreme / -128);
        BinaryPrimitives.WriteHalfLittleEndian(block[208..], d);
        for (var sub = 0; sub < 16; sub++)
        {
            var scale = (float)d == 0 ? 0 : (int)Math.Clamp(MathF.Round(scales[sub] / (float)d), -128, 127);
            block[192 + sub] = (byte)(sbyte)scale;
            var step = (float)d * scale;
            int half = sub / 8, part = sub % 8, at = 16 * (part % 2);
            var low = block.Slice((64 * half) + (32 * (part / 2 % 2)) + at, 16);
            var high = block.Slice(128 + (32 * half) + at, 16);
            for (var i = 0; i < 16; i++)
            {
                var q = (step == 0 ? 0 : (int)Math.Clamp(MathF.Round(values[(16 * sub) + i] / step), -32, 31)) + 32;
                low[i] |= (byte)((q & 15) << (4 * (part / 4)));
                high[i] |= (byte)((q >> 4) << (2 * (part / 2)));
            }
        }
    }

    // x = scale q - minimum with q from 0 to levels and a minimum of 0 or more: for each of several roundings the best pair is the solution
    // of weighted least squares; the pair of least error is kept.
    private static (float Scale, float Minimum) ScaleAndMinimum(ReadOnlySpan<float> x, int levels)
    {
        float low = 0, high = float.MinValue, power = 0;
        foreach (var v in x)
        {
            low = Math.Min(low, v);
            high = Math.Max(high, v);
            power += v * v;
        }
        if (high <= low) return (0, -low);
        var spread = MathF.Sqrt(power / x.Length);
        Span<float> weights = stackalloc float[x.Length], q = stackalloc float[x.Length];
        for (var i = 0; i < x.Length; i++) weights[i] = spread + Math.Abs(x[i]);
        var best = float.MaxValue;
        (float Scale, float Minimum) result = ((high - low) / levels, -low);
        for (var trial = -10; trial <= 10; trial++)
        {
            var inverse = (levels + (0.1f * trial)) / (high - low);
            float w = 0, wq = 0, wqq = 0, wx = 0, wxq = 0;
            for (var i = 0; i < x.Length; i++)
            {
                q[i] = Math.Clamp(MathF.Round(inverse * (x[i] - low)), 0, levels);
                w += weights[i];
                wq += weights[i] * q[i];
                wqq += weights[i] * q[i] * q[i];
                wx += weights[i] * x[i];
                wxq += weights[i] * x[i] * q[i];
            }
            var determinant = (w * wqq) - (wq * wq);
            if (determinant <= 0) continue;
            float scale = ((w * wxq) - (wx * wq)) / determinant, offset = ((wqq * wx) - (wq * wxq)) / determinant;
            if (offset > 0) (scale, offset) = (wxq / wqq, 0);
            if (scale <= 0) continue;
            var error = 0f;
            for (var i = 0; i < x.Length; i++)
            {
                var difference = (scale * q[i]) + offset - x[i];
                error += weights[i] * difference * difference;
            }
            if (error >= best) continue;
            best = error;
            result = (scale, -offset);
        }
        return result;
    }

    // x = scale q with q from -levels to levels - 1, weights x squared.
    private static float Scale(ReadOnlySpan<float> x, int levels)
    {
        var extreme = 0f;
        foreach (var v in x)
        {
            if (Math.Abs(v) > Math.Abs(extreme)) extreme = v;
        }
        if (Math.Abs(extreme) < 1e-15f) return 0;
        float best = -1, result = 0;
        for (var trial = -9; trial <= 9; trial++)
        {
            var inverse = -(levels + (0.1f * trial)) / extreme;
            float xq = 0, qq = 0;
            foreach (var v in x)
            {
                float q = Math.Clamp(MathF.Round(inverse * v), -levels, levels - 1), w = v * v;
                xq += w * v * q;
                qq += w * q * q;
            }
            if (qq <= 0 || xq * xq <= best * qq) continue;
            best = xq * xq / qq;
            result = xq / qq;
        }
        return result;
    }
}
