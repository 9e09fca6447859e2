using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The monotone rational-quadratic spline (Durkan et al. 2019, equations 4 to 8). The inverse never fails: its discriminant is kept at 0 or
/// above, its root inside the bin, and it is computed in float64.
/// </summary>
public sealed class RationalQuadraticSpline : Univariate
{
    private readonly SplineOptions _options;
    private readonly SplinePass _forward;
    private readonly SplinePass _inverse;

    /// <summary>Makes a spline.</summary>
    public RationalQuadraticSpline(SplineOptions options)
    {
        _options = options.ThrowIfInvalid();
        _forward = new SplinePass(this, inverse: false);
        _inverse = new SplinePass(this, inverse: true);
    }

    /// <summary>The settings.</summary>
    public SplineOptions Options => _options;

    /// <inheritdoc/>
    public override int Parameters => _options.RawCount;

    // Even bins with slopes of 1 at their knots.
    internal override IReadOnlyList<double> StartRaw =>
        [.. Enumerable.Range(0, Parameters)
            .Select(
                i => i < 2 * _options.Bins || _options.Parameters != SplineParameters.Softmax ? 0.0
                    : Math.Log(Math.Exp(1 - _options.MinSlope) - 1))];

    /// <inheritdoc/>
    /// <remarks>float32 on the CPU takes one fused pass in float64 arithmetic; other types and devices take tensor operations.</remarks>
    public override (Tensor Output, Tensor LogDerivative) Forward(Tensor x, Tensor raw) => Apply(_forward, x, raw);

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogDerivative) Inverse(Tensor y, Tensor raw) => Apply(_inverse, y, raw);

    internal (Tensor Output, Tensor Log) ComposedForward(Tensor x, Tensor raw)
    {
        using var scope = NewDisposeScope();
        var (y, log) = Evaluate(x, raw);
        return (y.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    internal (Tensor Output, Tensor Log) ComposedInverse(Tensor y, Tensor raw)
    {
        using var scope = NewDisposeScope();
        var type = y.dtype;
        var (x, log) = Invert(y.to(ScalarType.Float64), raw.to(ScalarType.Float64));
        return (x.to(type).MoveToOuterDisposeScope(), log.to(type).MoveToOuterDisposeScope());
    }

    private (Tensor Output, Tensor Log) Apply(SplinePass pass, Tensor value, Tensor raw)
    {
        using var scope = NewDisposeScope();
        (value, raw) = Prepare(value, raw);
        Tensor result, log;
        if (!SplinePass.Fits(value, raw)) (result, log) = pass.Composed(value, raw);
        else (result, log) = new FusedSpline(pass).ApplyAll(value, raw) is [var first, var second] ? (first, second)
            : throw new InvalidOperationException("The spline gave no results.");
        return (result.MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    private (Tensor Value, Tensor Raw) Prepare(Tensor value, Tensor raw)
    {
        if (raw.dim() != value.dim() + 1 || raw.size(2) != Parameters)
        {
            throw Cresset.Tensors.Shape.Wrong(raw, $"{Cresset.Tensors.Shape.Text(value)} with {Parameters} parameters in dimension 2");
        }
        if (_options.Tails == SplineTails.None)
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            double low = value.min().ToDouble(), high = value.max().ToDouble();
            if (!(low >= _options.Low && high <= _options.High))
                throw new ArgumentOutOfRangeException(nameof(value),
                    $"Values from {low:g6} to {high:g6}; a spline without tails takes values in [{_options.Low}, {_options.High}].");
        }
        return (value, raw.dim() > 3 ? raw.movedim([2L], [-1L]) : raw);
    }

    private (Tensor Y, Tensor Log) Evaluate(Tensor x, Tensor raw)
    {
        var knots = SplineKnots.From(raw, _options);
        var (inside, wrapped) = Inside(x);
        var bin = Bin(knots.X, wrapped);
        var (x0, w, y0, h, d0, d1) = Pick(knots, bin);
        var delta = h / w;
        var xi = (wrapped - x0) / w;
        var theta = xi * (1 - xi);
        var denominator = delta + (d0 + d1 - 2 * delta) * theta;
        var y = y0 + h * (delta * xi * xi + d0 * theta) / denominator;
        var log = Log(delta, xi, theta, d0, d1, denominator);
        return inside is null ? (y, log) : (where(inside, y, x), where(inside, log, zeros_like(log)));
    }

    private (Tensor X, Tensor Log) Invert(Tensor y, Tensor raw)
    {
        var knots = SplineKnots.From(raw, _options);
        var (inside, wrapped) = Inside(y);
        var bin = Bin(knots.Y, wrapped);
        var (x0, w, y0, h, d0, d1) = Pick(knots, bin);
        var delta = h / w;
        var rise = wrapped - y0;
        var s = d0 + d1 - 2 * delta;
        var a = h * (delta - d0) + rise * s;
        var b = h * d0 - rise * s;
        var c = -delta * rise;
        var root = (b * b - 4 * a * c).clamp_min(0).sqrt();
        // 2c / (-b - root) is the stable form; at the lower knot with a flat slope it is 0 / 0.
        var below = -b - root;
        var xi = where(below == 0, zeros_like(c), 2 * c / where(below == 0, ones_like(below), below)).clamp(0, 1);
        var theta = xi * (1 - xi);
        var log = -Log(delta, xi, theta, d0, d1, delta + s * theta);
        var x = x0 + xi * w;
        return inside is null ? (x, log) : (where(inside, x, y), where(inside, log, zeros_like(log)));
    }

    private static Tensor Log(Tensor delta, Tensor xi, Tensor theta, Tensor d0, Tensor d1, Tensor denominator)
        => 2 * delta.log() + (d1 * xi * xi + 2 * delta * theta + d0 * (1 - xi) * (1 - xi)).log() - 2 * denominator.log();

    // A mask of the values the spline acts on (null: all), and values moved to where it is defined.
    private (Tensor? Inside, Tensor Value) Inside(Tensor value)
    {
        double low = _options.Low, high = _options.High;
        return _options.Tails switch
        {
            SplineTails.None => (null, value),
            SplineTails.Circular => (null, (value - low).remainder(high - low) + low),
            _ => (_options.Parameters == SplineParameters.SoftClip ? (value > low) & (value <= high) : (value >= low) & (value <= high),
                value.clamp(low, high)),
        };
    }

    private Tensor Bin(Tensor edges, Tensor value)
    {
        using var noGrad = no_grad();
        var inner = edges.narrow(-1, 1, _options.Bins - 1);
        var point = value.unsqueeze(-1);
        return (_options.Parameters == SplineParameters.SoftClip ? inner < point : inner <= point).sum(-1, keepdim: true);
    }

    private static (Tensor X0, Tensor W, Tensor Y0, Tensor H, Tensor D0, Tensor D1) Pick(SplineKnots knots, Tensor bin)
    {
        var next = bin + 1;
        Tensor At(Tensor values, Tensor index) => values.gather(-1, index).squeeze(-1);
        Tensor x0 = At(knots.X, bin), y0 = At(knots.Y, bin);
        return (x0, At(knots.X, next) - x0, y0, At(knots.Y, next) - y0, At(knots.Slopes, bin), At(knots.Slopes, next));
    }
}
