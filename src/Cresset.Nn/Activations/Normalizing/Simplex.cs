using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Maps to the probability simplex along one dimension, dense and sparse: softmax, sparsemax and the family between them (entmax). All are
/// differentiable any number of times; the shape stays.
/// </summary>
internal static class Simplex
{
    /// <summary>e^(x/T) / sum e^(x/T).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is not positive.</exception>
    public static Tensor Softmax(Tensor x, long dim = -1, double temperature = 1)
    {
        Check(x, dim);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        if (temperature == 1 || IsEmpty(x, dim)) return nn.functional.softmax(x, dim);
        using var scope = NewDisposeScope();
        // The largest is 0 before it is divided: a small temperature would make infinities of it.
        return nn.functional.softmax((x - x.detach().amax([dim], keepdim: true)) / temperature, dim).MoveToOuterDisposeScope();
    }

    /// <summary>x - log sum e^x.</summary>
    public static Tensor LogSoftmax(Tensor x, long dim = -1)
    {
        Check(x, dim);
        return nn.functional.log_softmax(x, dim);
    }

    /// <summary>softmax(-x).</summary>
    public static Tensor Softmin(Tensor x, long dim = -1)
    {
        Check(x, dim);
        using var scope = NewDisposeScope();
        return nn.functional.softmax(-x, dim).MoveToOuterDisposeScope();
    }

    /// <summary>e^x / (1 + sum e^x): may attend to nothing. Miller 2023.</summary>
    public static Tensor SoftmaxOffByOne(Tensor x, long dim = -1)
    {
        Check(x, dim);
        if (IsEmpty(x, dim)) return x.alias();
        using var scope = NewDisposeScope();
        // The one is an extra logit 0; the largest of all is taken out before the exponential.
        var top = x.detach().amax([dim], keepdim: true).clamp_min(0);
        var e = (x - top).exp();
        return (e / (e.sum(dim, keepdim: true) + (-top).exp())).MoveToOuterDisposeScope();
    }

    /// <summary>x * softmax(x). Elhage et al. 2022 (SoLU, without its layer norm).</summary>
    public static Tensor Solu(Tensor x, long dim = -1)
    {
        Check(x, dim);
        using var scope = NewDisposeScope();
        var p = nn.functional.softmax(x, dim);
        // Where the weight is 0 the number has no say; uncut, the largest ones overflow in the gradient.
        return (x.masked_fill(p.eq(0), 0) * p).MoveToOuterDisposeScope();
    }

    /// <summary>relu(x)^2 / sum relu(x)^2; all 0 where no number is positive.</summary>
    public static Tensor SquaredReluNorm(Tensor x, long dim = -1)
    {
        Check(x, dim);
        if (IsEmpty(x, dim)) return x.alias();
        using var scope = NewDisposeScope();
        // Only ratios count: over the largest, no square overflows or is lost. A row without a positive number attends to nothing.
        var cut = nn.functional.relu(x);
        var top = cut.detach().amax([dim], keepdim: true);
        var none = top.eq(0);
        var r = (cut / top.masked_fill(none, 1)).square();
        return (r / r.sum(dim, keepdim: true).masked_fill(none, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>The nearest point of the simplex: exact zeros. Martins and Astudillo 2016.</summary>
    public static Tensor Sparsemax(Tensor x, long dim = -1)
    {
        Check(x, dim);
        if (x.dim() == 0) return One(x);
        if (IsEmpty(x, dim)) return x.alias();
        using var scope = NewDisposeScope();
        var axis = dim < 0 ? x.dim() + dim : dim;
        var z = FromTop(x, axis, 1);
        var sorted = sort(z, axis, descending: true).values;
        var rank = Ranks(z, axis);
        var sums = sorted.cumsum(axis) - 1;
        var support = (rank * sorted).gt(sums).sum(axis, keepdim: true);
        var tau = sums.gather(axis, support.clamp_min(1) - 1) / support.to(z.dtype);
        return nn.functional.relu(z - tau).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Entmax with alpha 1.5: between softmax and sparsemax, with exact zeros and a smooth border. Peters et al. 2019.</summary>
    public static Tensor Entmax15(Tensor x, long dim = -1)
    {
        Check(x, dim);
        if (x.dim() == 0) return One(x);
        if (IsEmpty(x, dim)) return x.alias();
        using var scope = NewDisposeScope();
        var axis = dim < 0 ? x.dim() + dim : dim;
        var half = FromTop(x, axis, 0.5);
        Tensor tau;
        using (no_grad())
        {
            // Closed form over the sorted values: tau of the k largest, for every k at once.
            var sorted = sort(half, axis, descending: true).values;
            var rank = Ranks(half, axis);
            var mean = sorted.cumsum(axis) / rank;
            var spread = sorted.square().cumsum(axis) - (rank * mean.square());
            var candidates = mean - ((1 - spread) / rank).clamp_min(0).sqrt();
            var support = candidates.le(sorted).sum(axis, keepdim: true).clamp_min(1);
            tau = candidates.gather(axis, support - 1);
        }
        return FromThreshold(half, axis, 1.5, tau).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Entmax for any alpha in [1, 2]: 1 is softmax, 2 is sparsemax; the threshold is found by bisection.</summary>
    /// <exception cref="ArgumentOutOfRangeException">alpha is outside [1, 2].</exception>
    public static Tensor Entmax(Tensor x, double alpha, long dim = -1)
    {
        if (!(alpha is >= 1 and <= 2)) throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "Entmax: alpha must lie in [1, 2].");
        Check(x, dim);
        // So near to 1 the power 1 / (alpha - 1) has no digits left, and softmax differs by less than that.
        if (alpha < 1 + 1e-7) return Softmax(x, dim);
        if (alpha == 2) return Sparsemax(x, dim);
        if (x.dim() == 0) return One(x);
        if (IsEmpty(x, dim)) return x.alias();
        using var scope = NewDisposeScope();
        var axis = dim < 0 ? x.dim() + dim : dim;
        // Large powers multiply roundings.
        var scaled = FromTop(alpha < 1.1 ? x.to(ScalarType.Float64) : x, axis, alpha - 1);
        Tensor low;
        using (no_grad())
        {
            low = scaled.amax([axis], keepdim: true) - 1;
            var width = 1 - Math.Pow(x.size((int)axis), 1 - alpha);
            for (var i = 0; i < (scaled.dtype == ScalarType.Float64 ? 60 : 30); i++)
            {
                using var step = NewDisposeScope();
                width /= 2;
                var middle = low + width;
                var mass = (scaled - middle).clamp_min(0).pow(1 / (alpha - 1)).sum(axis, keepdim: true);
                low = where(mass.ge(1), middle, low).MoveToOuterDisposeScope();
            }
        }
        return FromThreshold(scaled, axis, alpha, low).to(x.dtype).MoveToOuterDisposeScope();
    }

    // p = max((alpha - 1) x - tau, 0)^(1/(alpha - 1)). tau comes in as a constant; each Newton step on sum p = 1 from the root gives it its
    // derivatives by the implicit function theorem: one step the first, two steps the second and third.
    private static Tensor FromThreshold(Tensor scaled, long axis, double alpha, Tensor tau)
    {
        var power = 1 / (alpha - 1);
        for (var i = 0; i < 2; i++)
        {
            var b = (scaled - tau).clamp_min(0);
            // A base of exactly 0 has an infinite second derivative under pow; outside the support it must stay silent.
            var inside = b.gt(0);
            var safe = where(inside, b, ones_like(b));
            var mass = where(inside, safe.pow(power), zeros_like(b)).sum(axis, keepdim: true);
            var slope = where(inside, safe.pow(power - 1), zeros_like(b)).sum(axis, keepdim: true) * power;
            tau += (mass - 1) / slope;
        }
        var last = (scaled - tau).clamp_min(0);
        var support = last.gt(0);
        // Outside it is 0, and NaN stays NaN.
        return where(support, where(support, last, ones_like(last)).pow(power), last * 0);
    }

    // (x - largest) scale in float32 at least. What lies 2 below the largest is out of every support, where sums of it would drown the
    // others.
    private static Tensor FromTop(Tensor x, long axis, double scale)
    {
        var wide = x.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? x.to(ScalarType.Float32) : x;
        var z = (wide - wide.detach().amax([axis], keepdim: true)) * scale;
        return z.masked_fill(z.lt(-2), -2);
    }

    private static void Check(Tensor x, long dim)
    {
        if (!x.is_floating_point())
            throw new ArgumentException($"A softmax needs floating-point numbers; these are {x.dtype}.", nameof(x));
        var dims = Math.Max(1, x.dim());
        if (dim < -dims || dim >= dims)
            throw new ArgumentOutOfRangeException(nameof(dim), dim,
                $"A tensor of shape [{string.Join(", ", x.shape)}] has the dimensions {-dims} to {dims - 1}.");
    }

    // The one number there is takes all; NaN stays NaN.
    private static Tensor One(Tensor x)
    {
        using var scope = NewDisposeScope();
        return ((x * 0) + 1).MoveToOuterDisposeScope();
    }

    private static bool IsEmpty(Tensor x, long dim) => x.dim() > 0 && x.size((int)dim) == 0;

    private static Tensor Ranks(Tensor x, long axis)
    {
        var shape = Enumerable.Repeat(1L, (int)x.dim()).ToArray();
        shape[axis] = x.size((int)axis);
        return arange(1, x.size((int)axis) + 1, dtype: x.dtype, device: x.device).reshape(shape);
    }
}
