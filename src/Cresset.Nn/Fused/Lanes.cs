using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cresset.Nn;

/// <summary>
/// Elementary functions of float32 lanes, about 1 to 3 units in the last place over the whole range including results
/// that underflow. Polynomials were fitted by interpolation at Chebyshev points (relative error below 2e-8).
/// </summary>
internal static class Lanes
{
    /// <summary>Below this e^x is 0 in float32, with room for a factor of a hundred thousand.</summary>
    public const float ExpFloor = -150f;

    private const float RoundingMagic = 12582912f; // 1.5 * 2^23: adding it rounds to the nearest integer in the low bits

    /// <summary>e^x for x &lt;= 0 (or NaN) as (1 + M) * A * B, so that a product with it rounds only once when it underflows.</summary>
    public readonly struct Exponential(Vector<float> m, Vector<float> a, Vector<float> b)
    {
        /// <summary>e^r - 1 of the reduced argument |r| &lt;= ln 2 / 2.</summary>
        public readonly Vector<float> M = m;

        /// <summary>First half of the power of two.</summary>
        public readonly Vector<float> A = a;

        /// <summary>Second half.</summary>
        public readonly Vector<float> B = b;

        /// <summary>e^r.</summary>
        public Vector<float> P
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Vector<float>.One + M;
        }

        /// <summary>The value itself, rounded.</summary>
        public Vector<float> Value
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => P * A * B;
        }

        /// <summary>factor * e^x with one rounding at underflow.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Times(Vector<float> factor) => factor * P * A * B;

        /// <summary>e^x - 1.</summary>
        public Vector<float> Minus1
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                var s = A * B;
                return Fma(M, s, s - Vector<float>.One);
            }
        }

        /// <summary>e^(x + d) for a tiny d (d^2 negligible), keeping the parts.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Exponential Nudge(Vector<float> d) => new(Fma(P, d, M), A, B);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Fma(Vector<float> a, Vector<float> b, Vector<float> c) => Vector.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> C(float value) => new(value);

    /// <summary>min(x, limit) that keeps NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> AtMost(Vector<float> x, float limit) => Vector.ConditionalSelect(Vector.GreaterThan(x, C(limit)), C(limit), x);

    /// <summary>max(x, limit) that keeps NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> AtLeast(Vector<float> x, float limit) => Vector.ConditionalSelect(Vector.LessThan(x, C(limit)), C(limit), x);

    /// <summary><paramref name="magnitude"/> with the sign of <paramref name="sign"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> WithSign(Vector<float> magnitude, Vector<float> sign) => Vector.CopySign(magnitude, sign);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Choose(Vector<int> mask, Vector<float> yes, Vector<float> no) => Vector.ConditionalSelect(mask, yes, no);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<int> IsNegative(Vector<float> x) => Vector.LessThan(x, Vector<float>.Zero);

    /// <summary>value, but NaN where x = -infinity: what PyTorch's formulas give for x * 0 there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> NanAtMinusInfinity(Vector<float> x, Vector<float> value) => Choose(Vector.Equals(x, C(float.NegativeInfinity)), C(float.NaN), value);

    /// <summary>value, but NaN where x is infinite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> NanAtInfinity(Vector<float> x, Vector<float> value) => Choose(Vector.Equals(Vector.Abs(x), C(float.PositiveInfinity)), C(float.NaN), value);

    /// <summary>e^x for x &lt;= 0. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Exponential Exp(Vector<float> x)
    {
        x = AtLeast(x, ExpFloor);
        var t = Fma(x, C(1.44269504f), C(RoundingMagic));
        var n = t - C(RoundingMagic);
        var r = Fma(n, C(-0.693359375f), x);
        r = Fma(n, C(2.12194440e-4f), r);
        // e^r - 1 = r + r^2 (1/2 + r q(r))
        var q = Fma(C(0.00139187734f), r, C(0.00835724798f));
        q = Fma(q, r, C(0.0416666217f));
        q = Fma(q, r, C(0.166666307f));
        q = Fma(q, r, C(0.5f));
        var m = Fma(r * r, q, r);
        var k = Vector.AsVectorInt32(t) - new Vector<int>(0x4B400000);
        var k1 = Vector.ShiftRightArithmetic(k, 1);
        return new Exponential(m, PowerOfTwo(k1), PowerOfTwo(k - k1));
    }

    /// <summary>log(1 + z) for 0 &lt;= z &lt;= 1, as z * (2 / (2 + z)) * (1 + series).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Log1p(Vector<float> z)
    {
        var w = C(2) / (C(2) + z);
        var s = z * w * C(0.5f);
        var t = s * s;
        var q = Fma(C(0.11612164612f), t, C(0.108532879004f));
        q = Fma(q, t, C(0.142961789972f));
        q = Fma(q, t, C(0.19999853166f));
        q = Fma(q, t, C(0.333333336603f));
        return z * Fma(w * t, q, w);
    }

    /// <summary>e^(t^2) erfc(t) for 0 &lt;= t &lt;= 10.3: a polynomial in (t - 3) / (t + 3), over t + 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> ScaledErfc(Vector<float> t)
    {
        var inverse = Vector<float>.One / (t + C(3));
        var u = (t - C(3)) * inverse;
        var p = Fma(C(-0.000333824522825f), u, C(-0.000499071239601f));
        p = Fma(p, u, C(0.0030780834424f));
        p = Fma(p, u, C(-0.00121696443649f));
        p = Fma(p, u, C(-0.0268366764013f));
        p = Fma(p, u, C(0.119527222166f));
        p = Fma(p, u, C(-0.310466608215f));
        p = Fma(p, u, C(0.590228425271f));
        p = Fma(p, u, C(-0.883394461213f));
        p = Fma(p, u, C(1.0740069062f));
        return p * inverse;
    }

    /// <summary>e^(-scale x^2) for scale 1/2 or 1, exact to rounding: the rounding error of x^2 goes back in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Exponential Gauss(Vector<float> x, float scale)
    {
        var high = x * x;
        var low = Fma(x, x, -high);
        return Exp(high * C(-scale)).Nudge(low * C(-scale));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> k) => Vector.AsVectorSingle(Vector.ShiftLeft(k + new Vector<int>(127), 23));
}
