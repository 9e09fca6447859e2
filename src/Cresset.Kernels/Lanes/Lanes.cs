using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Kernels;

/// <summary>
/// Elementary functions of float32 lanes, about 1 to 3 units in the last place over the whole range including results that underflow.
/// Polynomials were fitted by interpolation at Chebyshev points (relative error below 2e-8).
/// </summary>
internal static class Lanes
{
    /// <summary>Below this e^x is 0 in float32, with room for a factor of a hundred thousand.</summary>
    public const float ExpFloor = -150f;

    private const float RoundingMagic = 12582912f; // 1.5 * 2^23: adding it rounds to the nearest integer in the low bits

    /// <summary>
    /// e^x for x &lt;= 0 (or NaN) as (1 + M) * 2^n, so that a product with it rounds only once when it underflows. Where the processor
    /// multiplies by a power of two in one instruction, A is n; elsewhere A and B are two halves of the power.
    /// </summary>
    public readonly struct Exponential(Vector512<float> m, Vector512<float> a, Vector512<float> b)
    {
        /// <summary>e^r - 1 of the reduced argument |r| &lt;= ln 2 / 2.</summary>
        public readonly Vector512<float> M = m;

        /// <summary>The exponent, or the first half of the power of two.</summary>
        public readonly Vector512<float> A = a;

        /// <summary>Second half.</summary>
        public readonly Vector512<float> B = b;

        /// <summary>e^r.</summary>
        public Vector512<float> P
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Vector512<float>.One + M;
        }

        /// <summary>The value itself, rounded.</summary>
        public Vector512<float> Value
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Scaled(P);
        }

        /// <summary>factor * e^x with one rounding at underflow.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Times(Vector512<float> factor) => Scaled(factor * P);

        /// <summary>e^x - 1.</summary>
        public Vector512<float> Minus1
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                var s = Scaled(Vector512<float>.One);
                return Fma(M, s, s - Vector512<float>.One);
            }
        }

        /// <summary>e^(x + d) for a tiny d (d^2 negligible), keeping the parts.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Exponential Nudge(Vector512<float> d) => new(Fma(P, d, M), A, B);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private Vector512<float> Scaled(Vector512<float> factor) => Avx512F.IsSupported ? Avx512F.Scale(factor, A) : factor * A * B;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.FusedMultiplyAdd(a, b, c);

    /// <summary>a * b + c with one rounding, as libtorch's kernels do it, for float and double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MultiplyAdd<T>(Vector512<T> a, Vector512<T> b, Vector512<T> c)
        => typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(a.As<T, float>(), b.As<T, float>(), c.As<T, float>()).As<float, T>()
            : Vector512.FusedMultiplyAdd(a.As<T, double>(), b.As<T, double>(), c.As<T, double>()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> C(float value) => Vector512.Create(value);

    /// <summary>
    /// 1 / x for x from 2^-100 to 2^100 (or NaN), within one unit in the last place: a table value and one step of Newton's where the
    /// processor has them, which takes a quarter of a division's time.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Reciprocal(Vector512<float> x)
    {
        if (!Avx512F.IsSupported) return Vector512<float>.One / x;
        var r = Avx512F.Reciprocal14(x);
        return Fma(Fma(-x, r, Vector512<float>.One), r, r);
    }

    /// <summary>min(x, limit) that keeps NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AtMost(Vector512<float> x, float limit) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, C(limit)), C(limit), x);

    /// <summary>max(x, limit) that keeps NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AtLeast(Vector512<float> x, float limit) =>
        Vector512.ConditionalSelect(Vector512.LessThan(x, C(limit)), C(limit), x);

    /// <summary><paramref name="magnitude"/> with the sign of <paramref name="sign"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WithSign(Vector512<float> magnitude, Vector512<float> sign) => Vector512.CopySign(magnitude, sign);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Choose(Vector512<float> mask, Vector512<float> yes, Vector512<float> no) =>
        Vector512.ConditionalSelect(mask, yes, no);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> IsNegative(Vector512<float> x) => Vector512.LessThan(x, Vector512<float>.Zero);

    /// <summary>value, but NaN where x = -infinity: what PyTorch's formulas give for x * 0 there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> NanAtMinusInfinity(Vector512<float> x, Vector512<float> value) =>
        Choose(Vector512.Equals(x, C(float.NegativeInfinity)), C(float.NaN), value);

    /// <summary>value, but NaN where x is infinite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> NanAtInfinity(Vector512<float> x, Vector512<float> value) =>
        Choose(Vector512.Equals(Vector512.Abs(x), C(float.PositiveInfinity)), C(float.NaN), value);

    /// <summary>e^x for x &lt;= 0. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Exponential Exp(Vector512<float> x) => ExpBounded(AtLeast(x, ExpFloor));

    /// <summary>e^x for x from <see cref="ExpFloor"/> (a little less does no harm) to 0. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Exponential ExpBounded(Vector512<float> x)
    {
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
        if (Avx512F.IsSupported) return new Exponential(m, n, default);
        var k = t.AsInt32() - Vector512.Create(0x4B400000);
        var k1 = Vector512.ShiftRightArithmetic(k, 1);
        return new Exponential(m, PowerOfTwo(k1), PowerOfTwo(k - k1));
    }

    /// <summary>log(1 + z) for 0 &lt;= z &lt;= 1, as z * (2 / (2 + z)) * (1 + series).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log1p(Vector512<float> z)
    {
        var w = C(2) * Reciprocal(C(2) + z);
        var s = z * w * C(0.5f);
        var t = s * s;
        var q = Fma(C(0.11612164612f), t, C(0.108532879004f));
        q = Fma(q, t, C(0.142961789972f));
        q = Fma(q, t, C(0.19999853166f));
        q = Fma(q, t, C(0.333333336603f));
        return z * Fma(w * t, q, w);
    }

    /// <summary>e^(t^2) erfc(t) / 2: <see cref="ScaledErfc"/> with its coefficients halved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> HalfScaledErfc(Vector512<float> t)
    {
        var inverse = Reciprocal(t + C(3));
        var u = (t - C(3)) * inverse;
        var p = Fma(C(-0.0001669122614125f), u, C(-0.0002495356198005f));
        p = Fma(p, u, C(0.0015390417212f));
        p = Fma(p, u, C(-0.000608482218245f));
        p = Fma(p, u, C(-0.01341833820065f));
        p = Fma(p, u, C(0.059763611083f));
        p = Fma(p, u, C(-0.1552333041075f));
        p = Fma(p, u, C(0.2951142126355f));
        p = Fma(p, u, C(-0.4416972306065f));
        p = Fma(p, u, C(0.5370034531f));
        return p * inverse;
    }

    /// <summary>e^(t^2) erfc(t) for 0 &lt;= t &lt;= 10.3: a polynomial in (t - 3) / (t + 3), over t + 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ScaledErfc(Vector512<float> t)
    {
        var inverse = Reciprocal(t + C(3));
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
    public static Exponential Gauss(Vector512<float> x, float scale)
    {
        var high = x * x;
        var low = Fma(x, x, -high);
        return ExpBounded(high * C(-scale)).Nudge(low * C(-scale));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> k) => Vector512.ShiftLeft(k + Vector512.Create(127), 23).AsSingle();
}
