using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Lbfgs"/>; the defaults are PyTorch's.</summary>
public sealed record LbfgsOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public LbfgsOptions() => LearningRate = 1;

    /// <summary>Iterations a step, at least 1.</summary>
    public int MaxIterations { get; init; } = 20;

    /// <summary>Evaluations of the closure a step; null for 5/4 of the iterations.</summary>
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
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(MaxIterations, 1)
        .Must(MaxEvaluations is not < 1, MaxEvaluations, "null or at least 1", field: nameof(MaxEvaluations))
        .AtLeast(GradientTolerance, 0.0).AtLeast(ChangeTolerance, 0.0).AtLeast(HistorySize, 1)
        .Must(WeightDecay == 0, WeightDecay, "0: put the penalty into the loss", field: nameof(WeightDecay))
        .Must(!Maximize, Maximize, "false: negate the loss", field: nameof(Maximize));
}

/// <summary>
/// Limited-memory BFGS (Nocedal 1980) for smooth losses without noise: a step evaluates the loss several times, so call
/// <see cref="Step(Func{double})"/>. Works on all groups as one vector in float64.
/// </summary>
public sealed class Lbfgs : Optimizer
{
    private readonly LbfgsMemory _memory = new();
    private Dictionary<string, double[]> _loadedVectors = [];

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Lbfgs(Module module, LbfgsOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Lbfgs(IEnumerable<ParameterGroupSpec> groups, LbfgsOptions? options = null)
        : base(groups, options ?? new LbfgsOptions())
    {
    }

    /// <summary>Evaluations of the closure over all steps.</summary>
    public long Evaluations { get; private set; }

    /// <summary>Minimises along the quasi-Newton directions. The closure clears gradients, computes the loss, runs backward and returns the loss.</summary>
    /// <returns>The loss before the step.</returns>
    public double Step(Func<double> closure)
    {
        ArgumentNullException.ThrowIfNull(closure);
        Refresh();
        var o = (LbfgsOptions)Options;
        var run = new LbfgsRun(o, Groups[0].LearningRate, _memory, Read, Write, () =>
        {
            using var on = enable_grad();
            var loss = closure();
            Evaluations++;
            return (loss, ReadGradient());
        });
        var before = run.Minimize();
        StepCount++;
        return before;
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
        => throw new InvalidOperationException("L-BFGS evaluates the loss several times a step: call Step(closure).");

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
        => throw new InvalidOperationException("L-BFGS evaluates the loss several times a step: call Step(closure).");

    private protected override IEnumerable<(string Name, double Value)> OwnScalars() => _memory.Scalars().Append(("evaluations", Evaluations));

    private protected override void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
        Evaluations = (long)scalars["evaluations"];
        _memory.Load(scalars, _loadedVectors);
    }

    private protected override IEnumerable<(string Name, Tensor Value)> OwnTensors()
        => _memory.Vectors().Select(v => (v.Name, tensor(v.Vector)));

    private protected override void LoadOwnTensors(IReadOnlyDictionary<string, Tensor> tensors)
        => _loadedVectors = tensors.ToDictionary(t => t.Key, t => t.Value.data<double>().ToArray());

    private double[] Read() => Flatten(b => b.Parameter);

    private double[] ReadGradient() => Flatten(b => Gradients.Of(b.Parameter));

    private double[] Flatten(Func<ParameterBinding, Tensor?> of)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        return [.. Groups.SelectMany(g => g.Bindings).SelectMany(b => of(b) is { } t
            ? t.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray()
            : new double[b.Parameter.numel()])];
    }

    private void Write(double[] values)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var at = 0;
        foreach (var binding in Groups.SelectMany(g => g.Bindings))
        {
            var n = (int)binding.Parameter.numel();
            binding.Parameter.copy_(tensor(values.AsSpan(at, n).ToArray()).reshape(binding.Parameter.shape));
            at += n;
        }
    }
}
