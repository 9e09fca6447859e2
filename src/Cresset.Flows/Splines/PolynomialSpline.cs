using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Monotone splines of linear, quadratic or cubic pieces: the forerunners of <see cref="RationalQuadraticSpline"/>. Linear pieces have
/// equal widths and learned heights; quadratic pieces integrate a piecewise linear density (Müller et al. 2019, equations 9 to 13);
/// cubic pieces take Steffen's slopes, which keep them monotone.
/// </summary>
public sealed class PolynomialSpline : Univariate
{
    private const int BisectionSteps = 60;
    private readonly PolynomialSplineOptions _options;

    /// <summary>Makes a spline.</summary>
    public PolynomialSpline(PolynomialSplineOptions options) => _options = options.ThrowIfInvalid();

    /// <summary>The settings.</summary>
    public PolynomialSplineOptions Options => _options;

    /// <inheritdoc/>
    public override int Parameters => _options.RawCount;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogDerivative) Forward(Tensor x, Tensor raw) => Apply(x, raw, inverse: false);

    /// <inheritdoc/>
    /// <remarks>Computed in float64.</remarks>
    public override (Tensor Output, Tensor LogDerivative) Inverse(Tensor y, Tensor raw) => Apply(y, raw, inverse: true);

    private (Tensor Output, Tensor Log) Apply(Tensor value, Tensor raw, bool inverse)
    {
        if (raw.dim() != value.dim() + 1 || raw.size(2) != Parameters)
        {
            throw Cresset.Tensors.Shape.Wrong(raw, $"{Cresset.Tensors.Shape.Text(value)} with {Parameters} parameters in dimension 2");
        }
        using var scope = NewDisposeScope();
        double low = _options.Low, width = _options.High - low;
        var type = value.dtype;
        if (raw.dim() > 3) raw = raw.movedim([2L], [-1L]);
        if (inverse) (value, raw) = (value.to(ScalarType.Float64), raw.to(ScalarType.Float64));
        var inside = (value >= low) & (value <= _options.High);
        if (_options.Tails == SplineTails.None && !inside.all().ToBoolean())
            throw new ArgumentOutOfRangeException(nameof(value),
                $"Some values lie outside; a spline without tails takes values in [{low}, {_options.High}].");
        var unit = ((value - low) / width).clamp(0, 1);
        var pieces = Pieces(raw);
        var (moved, log) = inverse ? Invert(pieces, unit) : Evaluate(pieces, unit);
        moved = where(inside, moved * width + low, value).to(type);
        log = where(inside, log, zeros_like(log)).to(type);
        return (moved.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    // Knots on both axes [..., K + 1] and the coefficients of a x^3 + b x^2 + c x over the distance from a piece's left knot.
    private (Tensor X, Tensor Y, Tensor A, Tensor B, Tensor C) Pieces(Tensor raw)
    {
        var bins = _options.Bins;
        if (_options.Degree == 1)
        {
            var rise = (raw * _options.RawScale).softmax(-1);
            var even = linspace(0, 1, bins + 1, dtype: raw.dtype, device: raw.device).expand([.. raw.shape[..^1], bins + 1]);
            return (even, Edges(rise), zeros_like(rise), zeros_like(rise), rise * bins);
        }
        var widths = Shares(raw.narrow(-1, 0, bins));
        return _options.Degree == 2 ? Quadratic(widths, raw.narrow(-1, bins, _options.RawCount - bins)) : Cubic(widths, raw);
    }

    private (Tensor X, Tensor Y, Tensor A, Tensor B, Tensor C) Quadratic(Tensor widths, Tensor raw)
    {
        var density = nn.functional.softplus(raw * _options.RawScale, 1, 20) + 1e-3;
        if (_options.Tails == SplineTails.Linear)
        {
            // The density at both ends that is 1 once the whole area is.
            Tensor first = widths.narrow(-1, 0, 1) / 2, last = widths.narrow(-1, _options.Bins - 1, 1) / 2;
            var inner = Area(density, widths.narrow(-1, 1, _options.Bins - 2));
            var ends = (first * density.narrow(-1, 0, 1) + last * density.narrow(-1, _options.Bins - 2, 1) + inner) / (1 - first - last);
            density = cat([ends, density, ends], -1);
        }
        density = _options.MinBin + (1 - _options.MinBin) * density / Area(density, widths);
        Tensor left = density.narrow(-1, 0, _options.Bins), right = density.narrow(-1, 1, _options.Bins);
        var slope = (right - left) / widths;
        return (Edges(widths), Edges((left + right) / 2 * widths), zeros_like(slope), slope / 2, left);
    }

    private (Tensor X, Tensor Y, Tensor A, Tensor B, Tensor C) Cubic(Tensor widths, Tensor raw)
    {
        var bins = _options.Bins;
        var heights = Shares(raw.narrow(-1, bins, bins));
        var slopes = heights / widths;
        Tensor s0 = slopes.narrow(-1, 0, bins - 1), s1 = slopes.narrow(-1, 1, bins - 1), w0 = widths.narrow(-1, 0, bins - 1),
            w1 = widths.narrow(-1, 1, bins - 1);
        // Steffen (1990): at most twice the smaller neighbour, all slopes here being positive.
        var inner = 2 * minimum(minimum(s0, s1), (w1 * s0 + w0 * s1) / (2 * (w0 + w1)));
        var first = raw.narrow(-1, 2 * bins, 1).sigmoid() * 3 * slopes.narrow(-1, 0, 1);
        var last = raw.narrow(-1, 2 * bins + 1, 1).sigmoid() * 3 * slopes.narrow(-1, bins - 1, 1);
        var rates = cat([first, inner, last], -1);
        Tensor left = rates.narrow(-1, 0, bins), right = rates.narrow(-1, 1, bins);
        var a = (left + right - 2 * slopes) / widths.square();
        var b = (3 * slopes - 2 * left - right) / widths;
        return (Edges(widths), Edges(heights), a, b, left);
    }

    private (Tensor Y, Tensor Log) Evaluate((Tensor X, Tensor Y, Tensor A, Tensor B, Tensor C) pieces, Tensor x)
    {
        var (x0, y0, _, a, b, c) = Pick(pieces, Bin(pieces.X, x));
        var d = x - x0;
        return (y0 + ((a * d + b) * d + c) * d, ((3 * a * d + 2 * b) * d + c).log());
    }

    private (Tensor X, Tensor Log) Invert((Tensor X, Tensor Y, Tensor A, Tensor B, Tensor C) pieces, Tensor y)
    {
        var (x0, y0, w, a, b, c) = Pick(pieces, Bin(pieces.Y, y));
        var rise = y - y0;
        Tensor d;
        if (_options.Degree < 3)
        {
            // The root of b d^2 + c d = rise in the form that does not cancel.
            d = 2 * rise / (c + (c * c + 4 * b * rise).clamp_min(0).sqrt());
        }
        else
        {
            using (no_grad()) d = Bisect(a, b, c, w, rise);
            // One Newton step with a graph carries the gradients of the root.
            d = d - (((a * d + b) * d + c) * d - rise) / ((3 * a * d + 2 * b) * d + c);
        }
        d = minimum(d.clamp_min(0), w);
        return (x0 + d, -((3 * a * d + 2 * b) * d + c).log());
    }

    private static Tensor Bisect(Tensor a, Tensor b, Tensor c, Tensor w, Tensor rise)
    {
        Tensor low = zeros_like(w), high = w.clone();
        for (var i = 0; i < BisectionSteps; i++)
        {
            using var scope = NewDisposeScope();
            var middle = (low + high) / 2;
            var above = ((a * middle + b) * middle + c) * middle > rise;
            (low, high) = (where(above, low, middle).MoveToOuterDisposeScope(), where(above, middle, high).MoveToOuterDisposeScope());
        }
        return (low + high) / 2;
    }

    private Tensor Shares(Tensor raw) => _options.MinBin + (1 - _options.MinBin * _options.Bins) * (raw * _options.RawScale).softmax(-1);

    private static Tensor Area(Tensor density, Tensor widths)
        => ((density.narrow(-1, 0, density.size(-1) - 1) + density.narrow(-1, 1, density.size(-1) - 1)) / 2 * widths).sum(-1,
            keepdim: true);

    // The last edge is the end itself, not a sum that rounding moves.
    private static Tensor Edges(Tensor shares)
    {
        var inner = shares.narrow(-1, 0, shares.size(-1) - 1).cumsum(-1);
        var end = ones_like(inner.narrow(-1, 0, 1));
        return cat([zeros_like(end), inner, end], -1);
    }

    private Tensor Bin(Tensor edges, Tensor value)
    {
        using var noGrad = no_grad();
        return (edges.narrow(-1, 1, _options.Bins - 1) <= value.unsqueeze(-1)).sum(-1, keepdim: true);
    }

    private static (Tensor X0, Tensor Y0, Tensor W, Tensor A, Tensor B,
        Tensor C) Pick((Tensor X, Tensor Y, Tensor A, Tensor B, Tensor C) pieces, Tensor bin)
    {
        Tensor At(Tensor values, Tensor index) => values.gather(-1, index).squeeze(-1);
        var x0 = At(pieces.X, bin);
        return (x0, At(pieces.Y, bin), At(pieces.X, bin + 1) - x0, At(pieces.A, bin), At(pieces.B, bin), At(pieces.C, bin));
    }
}
