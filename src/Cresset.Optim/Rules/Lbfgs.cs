using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Limited-memory BFGS (Nocedal 1980), PyTorch's defaults, for smooth losses without noise: a step evaluates the loss several times, so
/// call
/// Step(closure). Works on all groups as one vector in float64.
/// </summary>
[Part("lbfgs", "Nocedal 1980")]
public sealed record LbfgsRule : OptimizerRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public LbfgsRule() => LearningRate = 1;

    /// <summary>Iterations per step, at least 1.</summary>
    public int MaxIterations { get; init; } = 20;

    /// <summary>Evaluations of the closure per step; null for 5/4 of the iterations.</summary>
    public int? MaxEvaluations { get; init; }

    /// <summary>Stop when the largest gradient element is at most this.</summary>
    public double GradientTolerance { get; init; } = 1e-7;

    /// <summary>Stop when loss or parameters change by less than this.</summary>
    public double ChangeTolerance { get; init; } = 1e-9;

    /// <summary>Updates remembered, at least 1.</summary>
    public int HistorySize { get; init; } = 100;

    /// <summary>Search along each direction for a step that meets the strong Wolfe conditions instead of taking LearningRate.</summary>
    public bool StrongWolfe { get; init; }

    /// <inheritdoc/>
    public override bool NeedsClosure => true;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(MaxIterations, 1)
        .Must(MaxEvaluations is null or >= 1, MaxEvaluations, "null or at least 1", field: nameof(MaxEvaluations))
        .AtLeast(GradientTolerance, 0.0).AtLeast(ChangeTolerance, 0.0).AtLeast(HistorySize, 1)
        .Must(WeightDecay == 0, WeightDecay, "0: put the penalty into the loss", field: nameof(WeightDecay))
        .Must(!Maximize, Maximize, "false: negate the loss", field: nameof(Maximize));

    internal override SharedNumbers CreateNumbers() => new LbfgsMemory();

    /// <inheritdoc/>
    protected internal override void Update(in Slot s) =>
        throw new InvalidOperationException("L-BFGS evaluates the loss several times per step: call Step(closure).");

    internal override double Minimize(Optimizer optimizer, Func<double> closure)
    {
        var (first, other) = (optimizer.Groups[0],
            optimizer.Groups.FirstOrDefault(g => g.LearningRate != optimizer.Groups[0].LearningRate));
        if (other is not null)
            throw new InvalidOperationException(
                $"L-BFGS moves all parameters as one vector with one rate: group \"{first.Name}\" has {first.LearningRate}, "
                    + $"\"{other.Name}\" {other.LearningRate}.");
        if (optimizer.Groups.FirstOrDefault(g => g.WeightDecay != 0) is { } decayed)
            throw new InvalidOperationException(
                $"L-BFGS has no weight decay (group \"{decayed.Name}\" has {decayed.WeightDecay}): put the penalty into the loss.");
        var memory = (LbfgsMemory)optimizer.Numbers;
        var run = new LbfgsRun(this, first.LearningRate, memory, () => Flatten(optimizer, b => b.Parameter), v => Write(optimizer, v), () =>
        {
            using var on = enable_grad();
            var loss = closure();
            memory.Evaluations++;
            return (loss, Flatten(optimizer, b => b.Gradient()));
        });
        return run.Minimize();
    }

    private static double[] Flatten(Optimizer optimizer, Func<ParameterBinding, Tensor?> of)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        return [.. optimizer.Groups.SelectMany(g => g.Bindings).SelectMany(b => of(b) is { } t && t.numel() > 0
            ? t.detach().to_dense().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray()
            : new double[b.Parameter.numel()])];
    }

    private static void Write(Optimizer optimizer, double[] values)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var at = 0;
        foreach (var binding in optimizer.Groups.SelectMany(g => g.Bindings))
        {
            var n = (int)binding.Parameter.numel();
            binding.Parameter.copy_(tensor(values.AsSpan(at, n).ToArray()).reshape(binding.Parameter.shape));
            binding.Spread();
            at += n;
        }
    }
}

/// <summary>What L-BFGS keeps from step to step.</summary>
internal sealed class LbfgsMemory : SharedNumbers
{
    /// <summary>Changes of the gradient, oldest first.</summary>
    public List<double[]> Changes { get; } = [];

    /// <summary>The moves that made them.</summary>
    public List<double[]> Moves { get; } = [];

    /// <summary>1 / (change . move).</summary>
    public List<double> Rho { get; } = [];

    public double[]? Direction { get; set; }

    public double[]? PreviousGradient { get; set; }

    public double Scale { get; set; } = 1;

    public double StepSize { get; set; }

    public double PreviousLoss { get; set; }

    public long Iterations { get; set; }

    public long Evaluations
    {
        get => (long)this["evaluations"];
        set => this["evaluations"] = value;
    }

    internal override IEnumerable<KeyValuePair<string, double>> Scalars()
    {
        yield return new("scale", Scale);
        yield return new("step_size", StepSize);
        yield return new("previous_loss", PreviousLoss);
        yield return new("iterations", Iterations);
        yield return new("pairs", Rho.Count);
        for (var i = 0; i < Rho.Count; i++) yield return new(FormattableString.Invariant($"rho.{i}"), Rho[i]);
        yield return new("evaluations", Evaluations);
    }

    /// <summary>The vectors, as long as all parameters together.</summary>
    internal override IEnumerable<(string Name, Tensor Value)> Tensors()
    {
        if (Direction is { } d) yield return ("direction", tensor(d));
        if (PreviousGradient is { } g) yield return ("gradient", tensor(g));
        for (var i = 0; i < Rho.Count; i++)
        {
            yield return (FormattableString.Invariant($"change.{i}"), tensor(Changes[i]));
            yield return (FormattableString.Invariant($"move.{i}"), tensor(Moves[i]));
        }
    }

    internal override IEnumerable<string> Problems(IReadOnlyDictionary<string, double> scalars, IReadOnlyDictionary<string, Tensor> tensors,
        long elements)
    {
        if (scalars.Count == 0 && tensors.Count == 0) return [];
        string[] needed = ["scale", "step_size", "previous_loss", "iterations", "pairs", "evaluations"];
        var pairs = (int)Math.Clamp(scalars.GetValueOrDefault("pairs"), 0, 1e6);
        var vectors = Enumerable.Range(0, pairs)
            .SelectMany(i => new[] { FormattableString.Invariant($"change.{i}"), FormattableString.Invariant($"move.{i}") }).ToList();
        if (scalars.GetValueOrDefault("iterations") > 0) vectors.AddRange(["direction", "gradient"]);
        return
        [
            .. needed.Concat(Enumerable.Range(0, pairs).Select(i => FormattableString.Invariant($"rho.{i}")))
                .Where(n => !scalars.ContainsKey(n)).Select(n => $"\"own.{n}\" is missing"),
            .. vectors.Where(v => !tensors.ContainsKey(v)).Select(v => $"\"own/{v}\" is missing"),
            .. tensors.Where(t => t.Value.dim() != 1 || t.Value.numel() != elements || !t.Value.is_floating_point())
                .Select(t => $"\"own/{t.Key}\" is not a vector of {elements} numbers, one for each weight"),
        ];
    }

    internal override void Load(IReadOnlyDictionary<string, double> scalars, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        var vectors = tensors.ToDictionary(t => t.Key, t => t.Value.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray());
        Scale = scalars.GetValueOrDefault("scale", 1);
        StepSize = scalars.GetValueOrDefault("step_size");
        PreviousLoss = scalars.GetValueOrDefault("previous_loss");
        Iterations = (long)scalars.GetValueOrDefault("iterations");
        Evaluations = (long)scalars.GetValueOrDefault("evaluations");
        Changes.Clear();
        Moves.Clear();
        Rho.Clear();
        for (var i = 0; i < (int)scalars.GetValueOrDefault("pairs"); i++)
        {
            Rho.Add(scalars[FormattableString.Invariant($"rho.{i}")]);
            Changes.Add(vectors[FormattableString.Invariant($"change.{i}")]);
            Moves.Add(vectors[FormattableString.Invariant($"move.{i}")]);
        }
        Direction = vectors.GetValueOrDefault("direction");
        PreviousGradient = vectors.GetValueOrDefault("gradient");
    }
}
/// <summary>One step of L-BFGS: several iterations of direction and line search, with the stopping rules of PyTorch.</summary>
internal sealed class LbfgsRun(
    LbfgsRule options,
    double rate,
    LbfgsMemory memory,
    Func<double[]> read,
    Action<double[]> write,
    Func<(double Loss, double[] Gradient)> evaluate)
{
    public double Minimize()
    {
        var (loss, gradient) = evaluate();
        var first = loss;
        var evaluations = 1;
        var allowed = options.MaxEvaluations ?? (options.MaxIterations * 5 / 4);
        if (LargestOf(gradient) <= options.GradientTolerance) return first;
        for (var iteration = 1; iteration <= options.MaxIterations; iteration++)
        {
            memory.Iterations++;
            var direction = NextDirection(gradient);
            memory.Direction = direction;
            memory.PreviousGradient = gradient;
            memory.PreviousLoss = loss;
            memory.StepSize = memory.Iterations == 1 ? Math.Min(1, 1 / gradient.Sum(Math.Abs)) * rate : rate;
            var slope = Dot(gradient, direction);
            if (slope > -options.ChangeTolerance) break;
            var used = 0;
            if (options.StrongWolfe)
            {
                var start = read();
                var search = new StrongWolfeSearch(t =>
                {
                    write(Along(start, t, direction));
                    var result = evaluate();
                    return (result.Loss, result.Gradient, Dot(result.Gradient, direction));
                });
                (loss, gradient, memory.StepSize, used) = search.Find(memory.StepSize, LargestOf(direction), loss, gradient, slope);
                write(Along(start, memory.StepSize, direction));
            }
            else
            {
                write(Along(read(), memory.StepSize, direction));
                if (iteration != options.MaxIterations)
                {
                    (loss, gradient) = evaluate();
                    used = 1;
                }
            }
            evaluations += used;
            if (iteration == options.MaxIterations || evaluations >= allowed) break;
            if (LargestOf(gradient) <= options.GradientTolerance) break;
            if (LargestOf(direction) * Math.Abs(memory.StepSize) <= options.ChangeTolerance) break;
            if (Math.Abs(loss - memory.PreviousLoss) < options.ChangeTolerance) break;
        }
        return first;
    }

    private double[] NextDirection(double[] gradient)
    {
        if (memory.Iterations == 1)
        {
            memory.Scale = 1;
            return [.. gradient.Select(g => -g)];
        }
        var change = Along(gradient, -1, memory.PreviousGradient!);
        var move = memory.Direction!.Select(d => d * memory.StepSize).ToArray();
        var curvature = Dot(change, move);
        if (curvature > 1e-10)
        {
            if (memory.Rho.Count == options.HistorySize)
            {
                memory.Changes.RemoveAt(0);
                memory.Moves.RemoveAt(0);
                memory.Rho.RemoveAt(0);
            }
            memory.Changes.Add(change);
            memory.Moves.Add(move);
            memory.Rho.Add(1 / curvature);
            memory.Scale = curvature / Dot(change, change);
        }
        // The two-loop recursion: H times minus the gradient.
        var q = gradient.Select(g => -g).ToArray();
        var alpha = new double[memory.Rho.Count];
        for (var i = alpha.Length - 1; i >= 0; i--)
        {
            alpha[i] = Dot(memory.Moves[i], q) * memory.Rho[i];
            q = Along(q, -alpha[i], memory.Changes[i]);
        }
        for (var i = 0; i < q.Length; i++) q[i] *= memory.Scale;
        for (var i = 0; i < alpha.Length; i++)
        {
            var beta = Dot(memory.Changes[i], q) * memory.Rho[i];
            q = Along(q, alpha[i] - beta, memory.Moves[i]);
        }
        return q;
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    private static double LargestOf(double[] v) => v.Length == 0 ? 0 : v.Max(Math.Abs);

    private static double[] Along(double[] x, double t, double[] d)
    {
        var y = new double[x.Length];
        for (var i = 0; i < y.Length; i++) y[i] = x[i] + (t * d[i]);
        return y;
    }
}
