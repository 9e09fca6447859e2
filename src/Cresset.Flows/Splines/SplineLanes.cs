using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static System.Runtime.Intrinsics.Vector512;

namespace Cresset.Flows;

/// <summary>
/// Eight rational-quadratic splines at a time, in float64: knots, values, inverses and their derivatives from raw parameters that lie
/// transposed, one vector per parameter. Equation numbers are those of Durkan et al. 2019.
/// </summary>
internal readonly unsafe struct SplineLanes
{
    private readonly SplineOptions _options;
    private readonly int _bins;
    private readonly bool _clip;
    private readonly double _low;
    private readonly double _width;
    private readonly double _least;
    private readonly double _rest;
    private readonly double _logFloor;
    private readonly double _beta;
    private readonly double _endSlope;

    public SplineLanes(SplineOptions options)
    {
        _options = options;
        _bins = options.Bins;
        _clip = options.Parameters == SplineParameters.SoftClip;
        (_low, _width) = (options.Low, options.High - options.Low);
        (_least, _rest) = _clip ? (0, 1) : (options.MinBin, 1 - options.MinBin * options.Bins);
        _logFloor = Math.Log(options.MinSlope);
        _beta = options.Parameters == SplineParameters.SoftmaxIdentity ? Math.Log(2) / (1 - options.MinSlope) : 1;
        _endSlope = SplineKnots.EndSlope(options);
    }

    /// <summary>Vectors of working memory that <see cref="Locate"/> needs: the shares of widths and heights.</summary>
    public int Scratch => 2 * _bins;

    /// <summary>The bin of each value and what its curve is made of.</summary>
    public struct Bin
    {
        public Vector512<double> Value, Inside, Index, X0, W, Y0, H, D0, D1, Rate0, Rate1;
    }

    /// <summary>Derivatives of a weighted sum of value and log-derivative.</summary>
    public struct Slopes
    {
        public Vector512<double> X, X0, W, Y0, H, D0, D1;
    }

    /// <summary>Finds the bins of values on the x axis, or on the y axis for the inverse.</summary>
    public void Locate(Vector512<double> value, Vector512<double>* raw, Vector512<double>* shares, bool inverse, out Bin bin)
    {
        bin = default;
        double high = _options.High;
        switch (_options.Tails)
        {
            case SplineTails.None:
                bin.Inside = AllBitsSet<double>();
                break;
            case SplineTails.Circular:
                bin.Inside = AllBitsSet<double>();
                var turned = (value - Create(_low)) / Create(_width);
                value -= Floor(turned) * Create(_width);
                break;
            default:
                bin.Inside = (_clip ? GreaterThan(value, Create(_low)) : GreaterThanOrEqual(value, Create(_low)))
                    & LessThanOrEqual(value, Create(high));
                value = ConditionalSelect(bin.Inside, value, Create(_low));
                break;
        }
        bin.Value = value;
        Shares(raw, shares);
        Shares(raw + _bins, shares + _bins);
        if (inverse)
        {
            Search(value, shares + _bins, out bin.Index, out bin.Y0, out bin.H);
            At(bin.Index, shares, out bin.X0, out bin.W);
        }
        else
        {
            Search(value, shares, out bin.Index, out bin.X0, out bin.W);
            At(bin.Index, shares + _bins, out bin.Y0, out bin.H);
        }
        Rates(raw + 2 * _bins, ref bin);
    }

    /// <summary>y and log dy/dx (equations 4 and 5).</summary>
    public static void Forward(in Bin b, out Vector512<double> y, out Vector512<double> log)
    {
        var delta = b.H / b.W;
        var xi = (b.Value - b.X0) / b.W;
        var theta = xi * (One() - xi);
        var d = delta + (b.D0 + b.D1 - delta - delta) * theta;
        y = b.Y0 + b.H * (delta * xi * xi + b.D0 * theta) / d;
        log = LogSlope(b, delta, xi, theta, d);
    }

    /// <summary>
    /// x of y = Value, and log dx/dy (equations 6 to 8): the discriminant is kept at 0 or above, the root inside the bin.
    /// </summary>
    public static void Inverse(in Bin b, out Vector512<double> x, out Vector512<double> log)
    {
        var delta = b.H / b.W;
        var rise = b.Value - b.Y0;
        var s = b.D0 + b.D1 - delta - delta;
        var a = b.H * (delta - b.D0) + rise * s;
        var middle = b.H * b.D0 - rise * s;
        var c = -delta * rise;
        var root = Sqrt(Max(middle * middle - Create(4.0) * a * c, Vector512<double>.Zero));
        var below = -middle - root;
        var flat = Vector512.Equals(below, Vector512<double>.Zero);
        var xi = ConditionalSelect(flat, Vector512<double>.Zero, (c + c) / ConditionalSelect(flat, One(), below));
        xi = Min(Max(xi, Vector512<double>.Zero), One());
        var theta = xi * (One() - xi);
        x = b.X0 + xi * b.W;
        log = -LogSlope(b, delta, xi, theta, delta + s * theta);
    }

    /// <summary>Derivatives of gy y + gl log dy/dx by the value and the knots.</summary>
    public static void Backward(in Bin b, Vector512<double> gy, Vector512<double> gl, out Slopes g)
    {
        Vector512<double> two = Create(2.0), one = One();
        var inverseW = one / b.W;
        var delta = b.H * inverseW;
        var xi = (b.Value - b.X0) * inverseW;
        var co = one - xi;
        var theta = xi * co;
        var s = b.D0 + b.D1 - two * delta;
        var inverseD = one / (delta + s * theta);
        var share = (delta * xi * xi + b.D0 * theta) * inverseD;
        var gn = gy * b.H * inverseD;
        var gd = -gn * share - two * gl * inverseD;
        var ge = gl / (b.D1 * xi * xi + two * delta * theta + b.D0 * co * co);
        var gdelta = two * gl / delta + two * ge * theta + gn * xi * xi + gd * (one - two * theta);
        var gtheta = two * ge * delta + gn * b.D0 + gd * s;
        var gxi = two * ge * (b.D1 * xi - b.D0 * co) + two * gn * delta * xi + gtheta * (one - two * xi);
        g.D0 = ge * co * co + (gn + gd) * theta;
        g.D1 = ge * xi * xi + gd * theta;
        g.X = gxi * inverseW;
        g.X0 = -g.X;
        g.W = -(gxi * xi + gdelta * delta) * inverseW;
        g.H = gy * share + gdelta * inverseW;
        g.Y0 = gy;
    }

    /// <summary>Derivatives by the raw parameters, from those by the knots; writes all of <paramref name="into"/>.</summary>
    public void ToRaw(in Bin b, in Slopes g, Vector512<double>* raw, Vector512<double>* shares, Vector512<double>* into)
    {
        Spread(b, g.X0, g.W, raw, shares, into);
        Spread(b, g.Y0, g.H, raw + _bins, shares + _bins, into + _bins);
        var count = _options.RawCount - 2 * _bins;
        for (var i = 0; i < count; i++) into[2 * _bins + i] = Vector512<double>.Zero;
        Vector512<double> left = Keep(b.Inside, g.D0 * b.Rate0), right = Keep(b.Inside, g.D1 * b.Rate1);
        for (var k = 0; k <= _bins; k++)
        {
            var at = SlopeAt(k);
            if (at < 0) continue;
            into[2 * _bins + at] += Keep(Vector512.Equals(b.Index, Create((double)k)), left)
                + Keep(Vector512.Equals(b.Index, Create(k - 1.0)), right);
        }
    }

    private static Vector512<double> LogSlope(in Bin b, Vector512<double> delta, Vector512<double> xi, Vector512<double> theta,
        Vector512<double> d)
    {
        var co = One() - xi;
        var e = b.D1 * xi * xi + (delta + delta) * theta + b.D0 * co * co;
        // One logarithm instead of three: each factor is far from the limits of float64.
        var ratio = delta / d;
        return Log(ratio * ratio * e);
    }

    // Softmax with a least share; SoftClip bends the raw numbers first.
    private void Shares(Vector512<double>* raw, Vector512<double>* shares)
    {
        var most = Create(double.NegativeInfinity);
        for (var k = 0; k < _bins; k++)
        {
            shares[k] = Bent(raw[k]);
            most = Max(most, shares[k]);
        }
        var sum = Vector512<double>.Zero;
        for (var k = 0; k < _bins; k++)
        {
            shares[k] = Exp(shares[k] - most);
            sum += shares[k];
        }
        var scale = One() / sum;
        for (var k = 0; k < _bins; k++) shares[k] *= scale;
    }

    private Vector512<double> Bent(Vector512<double> raw)
    {
        raw *= Create(_options.RawScale);
        return _clip ? raw / (One() + Abs(raw * Create(2 / _logFloor))) : raw;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<double> Edge(Vector512<double> sum, int count) =>
        Create(_low) + Create(_width) * (Create(_least * count) + Create(_rest) * sum);

    private void Search(Vector512<double> value, Vector512<double>* shares, out Vector512<double> index, out Vector512<double> start,
        out Vector512<double> size)
    {
        Vector512<double> high = Create(_options.High), left = Create(_low), right = high, sum = Vector512<double>.Zero;
        index = Vector512<double>.Zero;
        for (var k = 1; k < _bins; k++)
        {
            sum += shares[k - 1];
            var edge = Edge(sum, k);
            var past = _clip ? LessThan(edge, value) : LessThanOrEqual(edge, value);
            index += past & One();
            left = ConditionalSelect(past, edge, left);
            right = Min(right, ConditionalSelect(past, high, edge));
        }
        (start, size) = (left, right - left);
    }

    private void At(Vector512<double> index, Vector512<double>* shares, out Vector512<double> start, out Vector512<double> size)
    {
        Vector512<double> left = Create(_low), right = Create(_options.High), sum = Vector512<double>.Zero;
        for (var k = 1; k < _bins; k++)
        {
            sum += shares[k - 1];
            var edge = Edge(sum, k);
            left = ConditionalSelect(GreaterThanOrEqual(index, Create((double)k)), edge, left);
            right = ConditionalSelect(Vector512.Equals(index, Create(k - 1.0)), edge, right);
        }
        (start, size) = (left, right - left);
    }

    // The raw slope of a knot; -1 where linear tails fix it.
    private int SlopeAt(int knot) => _options.Tails switch
    {
        SplineTails.Linear => knot == 0 || knot == _bins ? -1 : knot - 1,
        SplineTails.None => knot,
        _ => knot % _bins,
    };

    // Slopes at both ends of the bin, and their derivatives by the raw numbers.
    private void Rates(Vector512<double>* raw, ref Bin bin)
    {
        Vector512<double> left = Vector512<double>.Zero, right = left, fixedLeft = left, fixedRight = left;
        for (var k = 0; k <= _bins; k++)
        {
            Vector512<double> first = Vector512.Equals(bin.Index, Create((double)k)), second = Vector512.Equals(bin.Index, Create(k - 1.0));
            var at = SlopeAt(k);
            if (at < 0)
            {
                fixedLeft |= first;
                fixedRight |= second;
                continue;
            }
            left = ConditionalSelect(first, raw[at], left);
            right = ConditionalSelect(second, raw[at], right);
        }
        Rate(left, fixedLeft, out bin.D0, out bin.Rate0);
        Rate(right, fixedRight, out bin.D1, out bin.Rate1);
    }

    private void Rate(Vector512<double> raw, Vector512<double> held, out Vector512<double> slope, out Vector512<double> derivative)
    {
        if (_clip)
        {
            var bend = One() / (One() + Abs(raw / Create(_logFloor)));
            slope = Exp(raw * bend);
            derivative = slope * bend * bend;
        }
        else
        {
            var z = raw * Create(_beta);
            var e = Exp(-Abs(z));
            var d = One() / (One() + e);
            slope = Create(_options.MinSlope) + (Max(z, Vector512<double>.Zero) + Log(One() + e)) / Create(_beta);
            derivative = ConditionalSelect(LessThan(z, Vector512<double>.Zero), e * d, d);
        }
        slope = ConditionalSelect(held, Create(_endSlope), slope);
        derivative = AndNot(derivative, held);
    }

    // Both ends of a bin are sums of the shares before it: their derivatives spread over these, then through the softmax.
    private void Spread(in Bin b, Vector512<double> start, Vector512<double> size, Vector512<double>* raw, Vector512<double>* shares,
        Vector512<double>* into)
    {
        var scale = Create(_width * _rest);
        var atStart = Keep(b.Inside & GreaterThan(b.Index, Vector512<double>.Zero), (start - size) * scale);
        var atEnd = Keep(b.Inside & LessThan(b.Index, Create(_bins - 1.0)), size * scale);
        var both = atStart + atEnd;
        var dot = Vector512<double>.Zero;
        for (var k = 0; k < _bins; k++)
        {
            var position = Create((double)k);
            into[k] = ConditionalSelect(LessThan(position, b.Index), both, Keep(Vector512.Equals(position, b.Index), atEnd));
            dot += shares[k] * into[k];
        }
        for (var k = 0; k < _bins; k++)
        {
            into[k] = shares[k] * (into[k] - dot) * Create(_options.RawScale);
            if (!_clip) continue;
            var bend = One() / (One() + Abs(raw[k] * Create(_options.RawScale * 2 / _logFloor)));
            into[k] *= bend * bend;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> One() => Vector512<double>.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Keep(Vector512<double> mask, Vector512<double> value) => mask & value;

    private static Vector512<T> AllBitsSet<T>() => Vector512<T>.AllBitsSet;
}
