using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>Passes over values one by one. Lengths are multiples of 16.</summary>
internal static unsafe partial class DenseKernels
{
    /// <summary>max(x, 0) in place; NaN stays NaN.</summary>
    public static void Rectify(float* x, int length)
    {
        for (var i = 0; i < length; i += 8)
        {
            var v = Vector256.Load(x + i);
            Vector256.ConditionalSelect(Vector256.LessThan(v, Vector256<float>.Zero), Vector256<float>.Zero, v).Store(x + i);
        }
    }

    /// <summary>Gradients where the rectified output is positive, zero elsewhere.</summary>
    public static void MaskByOutput(float* gradient, float* output, int length)
    {
        for (var i = 0; i < length; i += 8)
        {
            (Vector256.GreaterThan(Vector256.Load(output + i), Vector256<float>.Zero).AsInt32()
                & Vector256.Load(gradient + i).AsInt32()).AsSingle().Store(gradient + i);
        }
    }

    /// <summary>The hyperbolic tangent in place, as 1 - 2 / (exp(2x) + 1): right to one unit of 1; zero stays zero.</summary>
    public static void Tanh(float* x, int length)
    {
        var (one, two) = (Vector256<float>.One, Vector256.Create(2f));
        for (var i = 0; i < length; i += 8)
        {
            var v = Vector256.Load(x + i);
            (one - (two / (Vector256.Exp(v + v) + one))).Store(x + i);
        }
    }

    /// <summary>Gradients times the slope 1 - y y of the hyperbolic tangent, by its output.</summary>
    public static void TanhBack(float* gradient, float* output, int length)
    {
        for (var i = 0; i < length; i += 8)
        {
            var y = Vector256.Load(output + i);
            (Vector256.Load(gradient + i) * (Vector256<float>.One - (y * y))).Store(gradient + i);
        }
    }

    /// <summary>The sum over rows of [<paramref name="rows"/>, <paramref name="stride"/>].</summary>
    public static void SumRows(float* from, float* to, int rows, int stride)
    {
        for (var c = 0; c < stride; c += 8)
        {
            var sum = Vector256<float>.Zero;
            for (var r = 0; r < rows; r++) sum += Vector256.Load(from + ((nint)r * stride) + c);
            sum.Store(to + c);
        }
    }

    /// <summary>The sum of squares, in eight double lanes.</summary>
    public static double SquaredSum(float* x, int length)
    {
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        for (var i = 0; i < length; i += 8)
        {
            var (a, b) = Vector256.Widen(Vector256.Load(x + i));
            low += a * a;
            high += b * b;
        }
        return Vector256.Sum(low + high);
    }

    /// <summary>x times factor, in place.</summary>
    public static void Scale(float* x, float factor, int length)
    {
        var f = Vector256.Create(factor);
        for (var i = 0; i < length; i += 8) (Vector256.Load(x + i) * f).Store(x + i);
    }

    /// <summary>to += share (from - to).</summary>
    public static void Approach(float* to, float* from, float share, int length)
    {
        var s = Vector256.Create(share);
        for (var i = 0; i < length; i += 8)
        {
            var t = Vector256.Load(to + i);
            Vector256.FusedMultiplyAdd(Vector256.Load(from + i) - t, s, t).Store(to + i);
        }
    }

    /// <summary>One step of Adam (Kingma and Ba 2015, algorithm 1, as PyTorch computes it) over all parameters in one pass.</summary>
    /// <param name="weights">Parameters.</param>
    /// <param name="gradients">Gradients; <paramref name="scale"/> is applied to them first (clipping).</param>
    /// <param name="first">First moments.</param>
    /// <param name="second">Second moments.</param>
    /// <param name="length">Number of parameters.</param>
    /// <param name="scale">Factor of the gradients.</param>
    /// <param name="rate">Learning rate over the first moment's bias correction.</param>
    /// <param name="secondCorrection">1 over the root of the second moment's bias correction.</param>
    /// <param name="beta1">Decay of the first moments.</param>
    /// <param name="beta2">Decay of the second moments.</param>
    /// <param name="epsilon">Added to the root.</param>
    public static void Adam(float* weights, float* gradients, float* first, float* second, int length, float scale, float rate,
        float secondCorrection, float beta1, float beta2, float epsilon)
    {
        var (s, b1, b2) = (Vector256.Create(scale), Vector256.Create(1 - beta1), Vector256.Create(beta2));
        var (c2, r, k, e) = (Vector256.Create(1 - beta2), Vector256.Create(rate), Vector256.Create(secondCorrection),
            Vector256.Create(epsilon));
        for (var i = 0; i < length; i += 8)
        {
            var g = Vector256.Load(gradients + i) * s;
            var m = Vector256.Load(first + i);
            m = WithoutDust(Vector256.FusedMultiplyAdd(g - m, b1, m));
            m.Store(first + i);
            var v = WithoutDust((Vector256.Load(second + i) * b2) + (g * g * c2));
            v.Store(second + i);
            var root = Vector256.FusedMultiplyAdd(Vector256.Sqrt(v), k, e);
            (Vector256.Load(weights + i) - (r * m / root)).Store(weights + i);
        }
    }

    // Moments of silent units decay into numbers so small that processors compute them in microcode, a hundred times slower. Nothing below
    // 1e-30 can move a weight: the root of such a second moment vanishes beside epsilon. NaN is kept.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> WithoutDust(Vector256<float> x) =>
        Vector256.ConditionalSelect(Vector256.LessThan(Vector256.Abs(x), Vector256.Create(1e-30f)), Vector256<float>.Zero, x);

    /// <summary>
    /// Layer normalization of rows (Ba et al. 2016): <paramref name="x"/> becomes the normalized values times gain plus shift; the
    /// normalized values and 1 over the deviation are kept for the way back.
    /// </summary>
    public static void Normalize(float* x, float* normalized, float* inverse, float* gain, float* shift, int rows, int width, int stride)
    {
        for (var r = 0; r < rows; r++)
        {
            var row = x + ((nint)r * stride);
            var kept = normalized + ((nint)r * stride);
            // Padding is zero, so it adds nothing to the sum; the squares need the true width.
            var total = Vector256<float>.Zero;
            for (var c = 0; c < stride; c += 8) total += Vector256.Load(row + c);
            var mean = Vector256.Sum(total) / width;
            var squares = 0f;
            for (var c = 0; c < width; c++) squares += (row[c] - mean) * (row[c] - mean);
            var scale = 1 / MathF.Sqrt((squares / width) + 1e-5f);
            inverse[r] = scale;
            var (m, s) = (Vector256.Create(mean), Vector256.Create(scale));
            for (var c = 0; c < stride; c += 8)
            {
                var v = (Vector256.Load(row + c) - m) * s;
                v.Store(kept + c);
                Vector256.FusedMultiplyAdd(v, Vector256.Load(gain + c), Vector256.Load(shift + c)).Store(row + c);
            }
        }
    }

    /// <summary>The way back through <see cref="Normalize"/>: gradients of gain and shift, and in place those of the rows.</summary>
    public static void NormalizeBack(float* gradient, float* normalized, float* inverse, float* gain, float* gainGradient,
        float* shiftGradient, int rows, int width, int stride)
    {
        SumRows(gradient, shiftGradient, rows, stride);
        for (var c = 0; c < stride; c += 8)
        {
            var sum = Vector256<float>.Zero;
            for (var r = 0; r < rows; r++)
                sum = Vector256.FusedMultiplyAdd(Vector256.Load(gradient + ((nint)r * stride) + c),
                    Vector256.Load(normalized + ((nint)r * stride) + c), sum);
            sum.Store(gainGradient + c);
        }
        for (var r = 0; r < rows; r++)
        {
            var g = gradient + ((nint)r * stride);
            var n = normalized + ((nint)r * stride);
            var (sum, dot) = (Vector256<float>.Zero, Vector256<float>.Zero);
            for (var c = 0; c < stride; c += 8)
            {
                // The gain of padding is zero, which also silences its normalized values.
                var scaled = Vector256.Load(g + c) * Vector256.Load(gain + c);
                scaled.Store(g + c);
                sum += scaled;
                dot = Vector256.FusedMultiplyAdd(scaled, Vector256.Load(n + c), dot);
            }
            var (mean, slope) = (Vector256.Sum(sum) / width, Vector256.Sum(dot) / width);
            for (var c = 0; c < width; c++) g[c] = inverse[r] * (g[c] - mean - (n[c] * slope));
            for (var c = width; c < stride; c++) g[c] = 0;
        }
    }
}
