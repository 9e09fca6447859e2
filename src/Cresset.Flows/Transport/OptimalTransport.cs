using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Mini-batch optimal transport for the pairing of noise and data (Tong et al. 2023, Pooladian et al. 2023), and distances between sets.
/// </summary>
public static class OptimalTransport
{
    /// <summary>For each source point the index of its data point under the assignment of least squared distance.</summary>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="data">Data [N, ...].</param>
    /// <returns>int64 [N]: source[i] belongs to data[result[i]].</returns>
    public static Tensor Pair(Tensor source, Tensor data)
        => tensor(Assign(source, data).Select(j => (long)j).ToArray());

    /// <summary>
    /// Reorders the source so that its rows are paired with the data's. With labels the pairing stays inside a class: across classes it
    /// would make the source depend on the label, and a conditional model would learn from the wrong source.
    /// </summary>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="data">Data [N, ...].</param>
    /// <param name="labels">Class labels int64 [N]; null pairs the batch as a whole.</param>
    /// <returns>The source in the data's order.</returns>
    public static Tensor Couple(Tensor source, Tensor data, Tensor? labels = null)
    {
        var count = (int)data.size(0);
        var order = new long[count];
        if (labels is null)
        {
            var columns = Assign(source, data);
            for (var i = 0; i < count; i++) order[columns[i]] = i;
        }
        else
        {
            Cresset.Tensors.Shape.Expect(labels, "N", ("N", count));
            if (labels.is_floating_point() || labels.is_complex())
                throw new ArgumentException(
                    $"labels are of type {labels.dtype}: classes are whole numbers, and continuous conditions would be cut to them. "
                        + $"Convert labels.to(torch.int64) if they are classes; for continuous conditions give those of the source and of "
                        + $"the data: Couple(source, data, sourceConditions, dataConditions).", nameof(labels));
            var classes = labels.to(ScalarType.Int64).cpu().data<long>().ToArray();
            foreach (var group in Enumerable.Range(0, count).GroupBy(i => classes[i]))
            {
                using var scope = NewDisposeScope();
                var members = group.Select(i => (long)i).ToArray();
                var index = tensor(members);
                var columns = Assign(source.index_select(0, index), data.index_select(0, index));
                for (var i = 0; i < members.Length; i++) order[members[columns[i]]] = members[i];
            }
        }
        using var rows = tensor(order, device: source.device);
        return source.index_select(0, rows);
    }

    /// <summary>
    /// Reorders the source so that its rows are paired with the data's where both have continuous conditions: a pair pays for the distance
    /// of its conditions too.
    /// </summary>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="data">Data [N, ...].</param>
    /// <param name="sourceConditions">Conditions of the source [N, C].</param>
    /// <param name="dataConditions">Conditions of the data [N, C].</param>
    /// <param name="weight">Factor on the conditions' squared distance; the larger, the closer are the conditions of a pair.</param>
    public static Tensor Couple(Tensor source, Tensor data, Tensor sourceConditions, Tensor dataConditions, double weight = 1)
    {
        if (!(weight >= 0) || !double.IsFinite(weight))
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "The weight must be finite and at least 0.");
        Cresset.Tensors.Shape.Expect(sourceConditions, "N C", ("N", source.size(0)));
        Cresset.Tensors.Shape.Expect(dataConditions, "N C", [("N", data.size(0)), ("C", sourceConditions.size(1))]);
        using var scope = NewDisposeScope();
        var factor = Math.Sqrt(weight);
        Tensor Joined(Tensor points, Tensor conditions) => cat([points.flatten(1), conditions.to(points.dtype) * factor], 1);
        var columns = Assign(Joined(source, sourceConditions), Joined(data, dataConditions));
        var order = new long[columns.Length];
        for (var i = 0; i < order.Length; i++) order[columns[i]] = i;
        return source.index_select(0, tensor(order, device: source.device)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Draws pairs from the entropic plan between two batches (SB-CFM, SF2M): indices of source and data rows, with replacement.
    /// </summary>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="data">Data [M, ...].</param>
    /// <param name="regularisation">Weight of the entropy, 2 sigma^2 for a bridge of deviation sigma; 0 draws from the exact plan.</param>
    /// <param name="count">Pairs drawn; 0 takes as many as there are data.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>int64 [count] each.</returns>
    public static (Tensor Source, Tensor Data) DrawPairs(Tensor source, Tensor data, double regularisation, int count = 0,
        Generator? generator = null)
    {
        if (!(regularisation >= 0) || !double.IsFinite(regularisation))
            throw new ArgumentOutOfRangeException(nameof(regularisation), regularisation,
                "The weight of the entropy must be finite and at least 0.");
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var cost = TransportCost.SquaredDistances(source, data);
        int n = (int)source.size(0), m = (int)data.size(0);
        var plan = regularisation == 0
            ? TransportPlan.Exact(cost, Uniform(n), Uniform(m))
            : TransportPlan.Sinkhorn(cost, Uniform(n), Uniform(m), regularisation, tolerance: 1e-6 / m);
        using var scope = NewDisposeScope();
        var drawn = TransportPlan.Draw(plan, count == 0 ? m : count, generator);
        return (drawn.floor_divide(m).MoveToOuterDisposeScope(), drawn.remainder(m).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The exact Wasserstein distance of order 1 or 2 (Euclidean ground distance) between two sets of equally weighted points.
    /// </summary>
    /// <param name="x">Points [N, ...].</param>
    /// <param name="y">Points [M, ...].</param>
    /// <param name="order">1 or 2.</param>
    public static double Wasserstein(Tensor x, Tensor y, int order = 2)
    {
        if (order is not (1 or 2)) throw new ArgumentOutOfRangeException(nameof(order), order, "The order must be 1 or 2.");
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.dim() > 0 && x.size(0) == 0)
            throw Cresset.Tensors.Shape.Wrong(x, "at least one point", "There is no distance from a set without points.");
        if (y.dim() > 0 && y.size(0) == 0)
            throw Cresset.Tensors.Shape.Wrong(y, "at least one point", "There is no distance to a set without points.");
        var cost = TransportCost.SquaredDistances(x, y);
        if (order == 1)
        {
            for (var i = 0; i < cost.Length; i++) cost[i] = Math.Sqrt(cost[i]);
        }
        int n = (int)x.size(0), m = (int)y.size(0);
        double total = 0;
        if (n == m)
        {
            var columns = ExactAssignment.Solve(cost, n);
            for (var i = 0; i < n; i++) total += cost[i * n + columns[i]] / n;
        }
        else
        {
            var plan = TransportPlan.Exact(cost, Uniform(n), Uniform(m));
            for (var i = 0; i < cost.Length; i++) total += plan[i] * cost[i];
        }
        return order == 2 ? Math.Sqrt(total) : total;
    }

    private static int[] Assign(Tensor source, Tensor data)
    {
        if (source.size(0) != data.size(0))
            throw Cresset.Tensors.Shape.Wrong(data, $"[{source.size(0)}, ...]", "An assignment pairs sets of equal size.");
        return ExactAssignment.Solve(TransportCost.SquaredDistances(source, data), (int)source.size(0));
    }

    private static double[] Uniform(int count)
    {
        var weights = new double[count];
        Array.Fill(weights, 1.0 / count);
        return weights;
    }
}
