using System.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Costs between two sets of points.</summary>
internal static class TransportCost
{
    /// <summary>Squared Euclidean distances, row by row, from tensors [N, ...] and [M, ...].</summary>
    public static double[] SquaredDistances(Tensor x, Tensor y)
    {
        if (x.dim() < 2 || y.dim() < 2 || x.numel() / Math.Max(1, x.size(0)) != y.numel() / Math.Max(1, y.size(0)))
        {
            throw Cresset.Tensors.Shape.Wrong(y, $"[M, ...] with {x.numel() / Math.Max(1, x.size(0))} values per point",
                "Both sets lie in the same space.");
        }
        FiniteValues.Check(x, nameof(OptimalTransport), nameof(x));
        FiniteValues.Check(y, nameof(OptimalTransport), nameof(y));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var a = x.flatten(1).to(ScalarType.Float64).cpu().contiguous();
        var b = y.flatten(1).to(ScalarType.Float64).cpu().contiguous();
        int n = (int)a.size(0), m = (int)b.size(0), dim = (int)a.size(1);
        var cost = new double[(long)n * m];
        if (dim <= 32)
        {
            var rows = a.data<double>().ToArray();
            var columns = b.t().contiguous().data<double>().ToArray();
            for (var i = 0; i < n; i++)
            {
                var row = cost.AsSpan(i * m, m);
                for (var k = 0; k < dim; k++) AddSquares(row, columns.AsSpan(k * m, m), rows[i * dim + k]);
            }
            return cost;
        }
        // Centred first: the expansion of the square loses digits to a common offset.
        var centre = b.mean([0L], keepdim: true);
        a = a - centre;
        b = b - centre;
        var distances = (a.square().sum(1).unsqueeze(1) + b.square().sum(1) - a.MatMul(b.t()) * 2).clamp_min_(0);
        distances.data<double>().CopyTo(cost, 0);
        return cost;
    }

    private static void AddSquares(Span<double> sum, ReadOnlySpan<double> values, double origin)
    {
        var width = Vector<double>.Count;
        var shift = new Vector<double>(origin);
        var i = 0;
        for (; i <= sum.Length - width; i += width)
        {
            var difference = new Vector<double>(values[i..]) - shift;
            (new Vector<double>(sum[i..]) + difference * difference).CopyTo(sum[i..]);
        }
        for (; i < sum.Length; i++) sum[i] += (values[i] - origin) * (values[i] - origin);
    }
}
