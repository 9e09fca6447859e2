using System.Numerics;
using System.Runtime.InteropServices;

namespace Cresset.Quantization;

/// <summary>
/// Arithmetic that gives the same bits on every processor: additions, multiplications, divisions and square roots of IEEE 754 in a stated
/// order.
/// Nothing is fused, and the functions are polynomials written out here, since the system's differ from one machine to the next.
/// </summary>
internal static class FixedOrder
{
    /// <summary>
    /// For each of the rows: y[j] += x[0] w[0, j], then x[1] w[1, j], and so on. Vectors lie along j, so their length does not change the
    /// order of a sum.
    /// </summary>
    /// <param name="x">Inputs; row r begins at <paramref name="xStart"/> + r * <paramref name="xStride"/>.</param>
    /// <param name="xStart">First input of the first row.</param>
    /// <param name="xStride">Numbers between rows.</param>
    /// <param name="inputs">Inputs of a row.</param>
    /// <param name="weights">[inputs, outputs].</param>
    /// <param name="y">Sums so far, [rows, outputs].</param>
    /// <param name="outputs">Outputs of a row.</param>
    /// <param name="rows">Rows.</param>
    public static void Accumulate(float[] x, int xStart, int xStride, int inputs, float[] weights, float[] y, int outputs, int rows)
    {
        // Checked once here: the loops below run without bounds checks.
        if (rows == 0) return;
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)xStart + ((rows - 1L) * xStride) + inputs, x.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)inputs * outputs, weights.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)rows * outputs, y.Length);
        var row = 0;
        for (; row + 4 <= rows; row += 4) Four(x, xStart + (row * xStride), xStride, inputs, weights, y, row * outputs, outputs);
        for (; row < rows; row++) One(x, xStart + (row * xStride), inputs, weights, y, row * outputs, outputs);
    }

    private static void Four(float[] x, int xStart, int xStride, int inputs, float[] weights, float[] y, int yStart, int outputs)
    {
        var lanes = Vector<float>.Count;
        ref var w = ref MemoryMarshal.GetArrayDataReference(weights);
        ref var sums = ref MemoryMarshal.GetArrayDataReference(y);
        var j = 0;
        for (; j + lanes <= outputs; j += lanes)
        {
            var at = yStart + j;
            var a = Vector.LoadUnsafe(ref sums, (nuint)at);
            var b = Vector.LoadUnsafe(ref sums, (nuint)(at + outputs));
            var c = Vector.LoadUnsafe(ref sums, (nuint)(at + (2 * outputs)));
            var d = Vector.LoadUnsafe(ref sums, (nuint)(at + (3 * outputs)));
            for (var i = 0; i < inputs; i++)
            {
                var weight = Vector.LoadUnsafe(ref w, (nuint)((i * outputs) + j));
                var from = xStart + i;
                a += weight * x[from];
                b += weight * x[from + xStride];
                c += weight * x[from + (2 * xStride)];
                d += weight * x[from + (3 * xStride)];
            }
            a.StoreUnsafe(ref sums, (nuint)at);
            b.StoreUnsafe(ref sums, (nuint)(at + outputs));
            c.StoreUnsafe(ref sums, (nuint)(at + (2 * outputs)));
            d.StoreUnsafe(ref sums, (nuint)(at + (3 * outputs)));
        }
        for (; j < outputs; j++)
        {
            for (var r = 0; r < 4; r++)
                y[yStart + (r * outputs) + j] = Column(x, xStart + (r * xStride), inputs, weights, y[yStart + (r * outputs) + j], j,
                    outputs);
        }
    }

    private static void One(float[] x, int xStart, int inputs, float[] weights, float[] y, int yStart, int outputs)
    {
        var lanes = Vector<float>.Count;
        ref var w = ref MemoryMarshal.GetArrayDataReference(weights);
        ref var sums = ref MemoryMarshal.GetArrayDataReference(y);
        var j = 0;
        for (; j + (4 * lanes) <= outputs; j += 4 * lanes)
        {
            var at = yStart + j;
            var a = Vector.LoadUnsafe(ref sums, (nuint)at);
            var b = Vector.LoadUnsafe(ref sums, (nuint)(at + lanes));
            var c = Vector.LoadUnsafe(ref sums, (nuint)(at + (2 * lanes)));
            var d = Vector.LoadUnsafe(ref sums, (nuint)(at + (3 * lanes)));
            for (var i = 0; i < inputs; i++)
            {
                var value = x[xStart + i];
                var from = (nuint)((i * outputs) + j);
                a += Vector.LoadUnsafe(ref w, from) * value;
                b += Vector.LoadUnsafe(ref w, from + (nuint)lanes) * value;
                c += Vector.LoadUnsafe(ref w, from + (nuint)(2 * lanes)) * value;
                d += Vector.LoadUnsafe(ref w, from + (nuint)(3 * lanes)) * value;
            }
            a.StoreUnsafe(ref sums, (nuint)at);
            b.StoreUnsafe(ref sums, (nuint)(at + lanes));
            c.StoreUnsafe(ref sums, (nuint)(at + (2 * lanes)));
            d.StoreUnsafe(ref sums, (nuint)(at + (3 * lanes)));
        }
        for (; j + lanes <= outputs; j += lanes)
        {
            var sum = Vector.LoadUnsafe(ref sums, (nuint)(yStart + j));
            for (var i = 0; i < inputs; i++) sum += Vector.LoadUnsafe(ref w, (nuint)((i * outputs) + j)) * x[xStart + i];
            sum.StoreUnsafe(ref sums, (nuint)(yStart + j));
        }
        for (; j < outputs; j++) y[yStart + j] = Column(x, xStart, inputs, weights, y[yStart + j], j, outputs);
    }

    private static float Column(float[] x, int xStart, int inputs, float[] weights, float sum, int j, int outputs)
    {
        for (var i = 0; i < inputs; i++) sum += weights[(i * outputs) + j] * x[xStart + i];
        return sum;
    }

    /// <summary>
    /// e^x to 2e-16: x = k ln 2 + r with |r| at most half of ln 2, Taylor's polynomial of e^r, times 2^k. 0 below -700, infinite above 700.
    /// </summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x < -700) return 0;
        if (x > 700) return double.PositiveInfinity;
        var k = Math.Floor((x * 1.4426950408889634) + 0.5);
        // ln 2 in two parts, the first short enough for k times it to be exact.
        var r = x - (k * 6.93147180369123816490e-01) - (k * 1.90821492927058770002e-10);
        var sum = 1.0 / 6227020800;
        sum = (sum * r) + (1.0 / 479001600);
        sum = (sum * r) + (1.0 / 39916800);
        sum = (sum * r) + (1.0 / 3628800);
        sum = (sum * r) + (1.0 / 362880);
        sum = (sum * r) + (1.0 / 40320);
        sum = (sum * r) + (1.0 / 5040);
        sum = (sum * r) + (1.0 / 720);
        sum = (sum * r) + (1.0 / 120);
        sum = (sum * r) + (1.0 / 24);
        sum = (sum * r) + (1.0 / 6);
        sum = (sum * r) + 0.5;
        sum = (sum * r) + 1;
        sum = (sum * r) + 1;
        return sum * BitConverter.Int64BitsToDouble((1023 + (long)k) << 52);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    public static double Sigmoid(double x) => 1 / (1 + Exp(-x));

    /// <summary>The hyperbolic tangent, to 2e-16 of absolute error.</summary>
    public static double Tanh(double x) => 1 - (2 / (Exp(2 * x) + 1));

    /// <summary>
    /// x times the normal distribution's share below x; the error function to 1.5e-7 (Abramowitz and Stegun 7.1.26), half of a float32's
    /// step.
    /// </summary>
    public static float Gelu(float x)
    {
        var z = Math.Abs((double)x) * 0.70710678118654752;
        var t = 1 / (1 + (0.3275911 * z));
        var tail = ((((((((1.061405429 * t) - 1.453152027) * t) + 1.421413741) * t) - 0.284496736) * t) + 0.254829592) * t * Exp(-(z * z));
        return (float)(x * 0.5 * (x < 0 ? tail : 2 - tail));
    }

    /// <summary>x above 0, e^x - 1 below.</summary>
    public static float Elu(float x) => x > 0 ? x : (float)(Exp(x) - 1);

    /// <summary>tanh of the first half of the values times the sigmoid of the second, for rows of 2 * width values.</summary>
    public static void Gate(float[] values, float[] output, int outputStart, int width, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            var from = 2 * row * width;
            for (var i = 0; i < width; i++)
                output[outputStart + (row * width) + i] = (float)(Tanh(values[from + i]) * Sigmoid(values[from + width + i]));
        }
    }

    /// <summary>Layer normalisation of rows (epsilon 1e-5), then scale and shift.</summary>
    public static void Normalize(float[] x, float[] scale, float[] shift, float[] y, int rows)
    {
        var width = scale.Length;
        for (var row = 0; row < rows; row++)
        {
            var values = x.AsSpan(row * width, width);
            var mean = 0.0;
            foreach (var value in values) mean += value;
            mean /= width;
            var variance = 0.0;
            foreach (var value in values) variance += (value - mean) * (value - mean);
            var inverse = 1 / Math.Sqrt((variance / width) + 1e-5);
            for (var i = 0; i < width; i++) y[(row * width) + i] = (float)(((values[i] - mean) * inverse * scale[i]) + shift[i]);
        }
    }
}
