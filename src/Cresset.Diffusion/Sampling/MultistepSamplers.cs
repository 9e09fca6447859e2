using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Remembers the last predictions of the data.</summary>
internal abstract class MultistepSampler : Sampler
{
    private readonly List<Tensor> _data = [];

    protected MultistepSampler(NoiseTable table, int order)
        : base(BelowOne(table)) => Order = order;

    protected int Order { get; }

    /// <summary>Predictions so far, at most <see cref="Order"/>.</summary>
    protected int Known => _data.Count;

    /// <summary>The prediction of so many steps ago; 0 is the latest.</summary>
    protected Tensor Data(int ago) => _data[^(ago + 1)];

    protected double Sigma(int index) => Table.Sigmas[index];

    protected void Remember(Tensor data)
    {
        _data.Add(data.DetachFromDisposeScope());
        if (_data.Count <= Order) return;
        _data[0].Dispose();
        _data.RemoveAt(0);
    }

    /// <inheritdoc/>
    protected override void Forget()
    {
        foreach (var data in _data) data.Dispose();
        _data.Clear();
    }

    // At level 1 the log signal-to-noise ratio is minus infinity; the reference steps aside by 1e-6.
    private static NoiseTable BelowOne(NoiseTable table)
        => table.Sigmas[0] < 1 ? table : new NoiseTable([1f - 1e-6f, .. table.Sigmas.Skip(1)], table.Times);
}

/// <summary>DPM-Solver++ (Lu et al. 2022), multistep, on data predictions.</summary>
internal sealed class DpmSolverSampler(NoiseTable table, int order, SolverVariant variant, bool stochastic) : MultistepSampler(table, order)
{
    public override Tensor Step(Tensor velocity, int index, Tensor latents, IReadOnlyList<Generator> generators)
    {
        using var scope = NewDisposeScope();
        double now = Sigma(index), next = Sigma(index + 1);
        Remember(latents.sub(velocity * now));
        var noise = stochastic ? Noise(latents, generators) : null;
        var isLast = index == Table.Steps - 1;
        var nearEnd = index == Table.Steps - 2 && Table.Steps < 15;
        var use = isLast ? 1 : Math.Min(Math.Min(Order, Known), nearEnd ? 2 : 3);
        // Ending at level 0 only the prediction is left.
        if (next == 0) return Data(0).clone().MoveToOuterDisposeScope();
        double alpha = 1 - next, h = Lambda(next) - Lambda(now);
        // Both forms share one shape: decay of the state, weight of D0, and of the differences.
        var e = stochastic ? Math.Exp(-2 * h) : Math.Exp(-h);
        var hh = stochastic ? 2 * h : h;
        var keep = stochastic ? next / now * Math.Exp(-h) : next / now;
        var result = latents.mul(keep).add_(Data(0) * (alpha * (1 - e)));
        if (use >= 2)
        {
            var r0 = (Lambda(now) - Lambda(Sigma(index - 1))) / h;
            var first = (Data(0) - Data(1)) * (1 / r0);
            var curve = alpha * (((e - 1) / hh) + 1);
            if (use == 2)
            {
                result.add_(first * (variant == SolverVariant.Standard ? 0.5 * alpha * (1 - e) : curve));
            }
            else
            {
                var r1 = (Lambda(Sigma(index - 1)) - Lambda(Sigma(index - 2))) / h;
                var second = (Data(1) - Data(2)) * (1 / r1);
                var change = first - second;
                result.add_((first + (change * (r0 / (r0 + r1)))) * curve);
                result.sub_(change * (alpha * (((e - 1 + hh) / (hh * hh)) - 0.5) / (r0 + r1)));
            }
        }
        if (noise is not null) result.add_(noise * (next * Math.Sqrt(1 - Math.Exp(-2 * h))));
        return result.MoveToOuterDisposeScope();
    }
}

/// <summary>UniPC (Zhao et al. 2023): each evaluation first corrects the step before it, then predicts the next.</summary>
internal sealed class UniPcSampler(NoiseTable table, int order, SolverVariant variant) : MultistepSampler(table, order)
{
    private Tensor? _lastLatents;
    private int _lastOrder;

    public override Tensor Step(Tensor velocity, int index, Tensor latents, IReadOnlyList<Generator> generators)
    {
        using var scope = NewDisposeScope();
        var data = latents.sub(velocity * Sigma(index));
        var x = latents;
        if (_lastLatents is not null) x = Update(_lastLatents, index - 1, _lastOrder, data);
        Remember(data);
        // Orders fall again towards the end and grow from the start.
        _lastOrder = Math.Min(Math.Min(Order, Table.Steps - index), Known);
        _lastLatents?.Dispose();
        _lastLatents = x.clone().DetachFromDisposeScope();
        return Update(x, index, _lastOrder, null).MoveToOuterDisposeScope();
    }

    // From the level at index to the next; with the prediction there given, the corrector.
    private Tensor Update(Tensor x, int index, int order, Tensor? arrived)
    {
        double now = Sigma(index), next = Sigma(index + 1);
        if (next == 0) return Data(0).clone();
        double alpha = 1 - next, h = Lambda(next) - Lambda(now), hh = -h;
        var phi1 = Math.Exp(hh) - 1;
        var b = variant == SolverVariant.Standard ? phi1 : hh;
        var ratios = new List<double>();
        var differences = new List<Tensor>();
        for (var i = 1; i < order; i++)
        {
            var ratio = (Lambda(Sigma(index - i)) - Lambda(now)) / h;
            ratios.Add(ratio);
            differences.Add((Data(i) - Data(0)) / ratio);
        }
        ratios.Add(1);
        var rows = new double[order, order];
        var right = new double[order];
        double phi = (phi1 / hh) - 1, factorial = 1;
        for (var i = 0; i < order; i++)
        {
            for (var j = 0; j < order; j++) rows[i, j] = Math.Pow(ratios[j], i);
            right[i] = phi * factorial / b;
            factorial *= i + 2;
            phi = (phi / hh) - (1 / factorial);
        }
        var result = x.mul(next / now).sub_(Data(0) * (alpha * phi1));
        var count = arrived is null ? order - 1 : order;
        double[] weights = count == 0 ? [] : count == 1 ? [0.5] : Solve(rows, right, count);
        for (var i = 0; i < order - 1; i++) result.sub_(differences[i] * (alpha * b * weights[i]));
        if (arrived is not null) result.sub_((arrived - Data(0)) * (alpha * b * weights[^1]));
        return result;
    }

    // Gaussian elimination of the leading part; at most 3 by 3 and well conditioned.
    private static double[] Solve(double[,] rows, double[] right, int count)
    {
        var a = (double[,])rows.Clone();
        var x = right[..count];
        for (var i = 0; i < count; i++)
        {
            var pivot = Enumerable.Range(i, count - i).MaxBy(r => Math.Abs(a[r, i]));
            for (var j = 0; j < count; j++) (a[i, j], a[pivot, j]) = (a[pivot, j], a[i, j]);
            (x[i], x[pivot]) = (x[pivot], x[i]);
            for (var r = i + 1; r < count; r++)
            {
                var f = a[r, i] / a[i, i];
                for (var j = i; j < count; j++) a[r, j] -= f * a[i, j];
                x[r] -= f * x[i];
            }
        }
        for (var i = count - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < count; j++) x[i] -= a[i, j] * x[j];
            x[i] /= a[i, i];
        }
        return x;
    }

    /// <inheritdoc/>
    protected override void Forget()
    {
        base.Forget();
        _lastLatents?.Dispose();
        _lastLatents = null;
    }
}
