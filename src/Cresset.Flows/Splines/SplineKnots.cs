using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Knots and slopes of rational-quadratic splines from raw parameters [..., P], by tensor operations.</summary>
internal sealed record SplineKnots(Tensor X, Tensor Y, Tensor Slopes)
{
    public static SplineKnots From(Tensor raw, SplineOptions o)
    {
        var parts = raw.split([o.Bins, o.Bins, o.RawCount - 2 * o.Bins], -1);
        return new SplineKnots(Edges(parts[0], o), Edges(parts[1], o), Rates(parts[2], o));
    }

    private static Tensor Edges(Tensor raw, SplineOptions o)
    {
        if (o.RawScale != 1) raw = raw * o.RawScale;
        if (o.Parameters == SplineParameters.SoftClip) raw = raw / (1 + (raw * (2 / Math.Log(o.MinSlope))).abs());
        var shares = raw.softmax(-1);
        if (o.Parameters != SplineParameters.SoftClip) shares = o.MinBin + (1 - o.MinBin * o.Bins) * shares;
        // The last edge is the end itself, not a sum that rounding moves.
        var inner = shares.narrow(-1, 0, o.Bins - 1).cumsum(-1) * (o.High - o.Low) + o.Low;
        var end = full_like(inner.narrow(-1, 0, 1), o.High);
        return cat([full_like(end, o.Low), inner, end], -1);
    }

    private static Tensor Rates(Tensor raw, SplineOptions o)
    {
        Tensor slopes;
        if (o.Parameters == SplineParameters.SoftClip)
        {
            slopes = (raw / (1 + (raw / Math.Log(o.MinSlope)).abs())).exp();
        }
        else
        {
            var beta = o.Parameters == SplineParameters.SoftmaxIdentity ? Math.Log(2) / (1 - o.MinSlope) : 1;
            slopes = o.MinSlope + nn.functional.softplus(raw, beta, 40);
        }
        if (o.Tails == SplineTails.None) return slopes;
        if (o.Tails == SplineTails.Circular) return cat([slopes, slopes.narrow(-1, 0, 1)], -1);
        var end = full_like(slopes.narrow(-1, 0, 1), EndSlope(o));
        return cat([end, slopes, end], -1);
    }

    /// <summary>
    /// The slope where linear tails begin: 1, except that nflows' identity initialisation pads with a raw number meant for its other
    /// softplus.
    /// </summary>
    public static double EndSlope(SplineOptions o)
    {
        if (o.Parameters != SplineParameters.SoftmaxIdentity) return 1;
        var beta = Math.Log(2) / (1 - o.MinSlope);
        var raw = Math.Log(Math.Exp(1 - o.MinSlope) - 1);
        return o.MinSlope + Math.Log(1 + Math.Exp(beta * raw)) / beta;
    }
}
