using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// An optimizer over groups of named parameters. Its state is kept by parameter name, so it survives <c>module.to(...)</c>;
/// it is made at the first step with a gradient, and a parameter without a gradient is left alone entirely (no decay, no state).
/// </summary>
/// <remarks>Not safe for use by several threads at once. The CPU kernels split their work so that results do not depend on the number of threads.</remarks>
public abstract partial class Optimizer : IDisposable
{
    private readonly List<ParameterGroup> _groups = [];
    private readonly List<ActiveParameter> _active = [];
    private bool _checkedSinceStep = true;

    /// <summary>Makes the groups. Every options record must have the type of <paramref name="options"/>.</summary>
    /// <exception cref="ArgumentException">No parameters, a name or parameter twice, or a group with options of another optimizer.</exception>
    protected Optimizer(IEnumerable<ParameterGroupSpec> groups, OptimizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var handles = new HashSet<IntPtr>();
        foreach (var spec in groups)
        {
            if (spec.Options is { } own && own.GetType() != options.GetType())
                throw new ArgumentException($"Group \"{spec.Name}\" carries {own.GetType().Name}; this optimizer needs {options.GetType().Name}.", nameof(groups));
            var bindings = new List<ParameterBinding>();
            foreach (var parameter in spec.Parameters)
            {
                if (!names.Add(parameter.Name)) throw new ArgumentException($"Two parameters are called \"{parameter.Name}\"; names must be unique because the state is kept by name.", nameof(groups));
                if (!handles.Add(parameter.Value.Handle)) throw new ArgumentException($"Parameter \"{parameter.Name}\" is in the groups twice.", nameof(groups));
                bindings.Add(new ParameterBinding(parameter));
            }
            if (bindings.Count > 0) _groups.Add(new ParameterGroup(spec, (spec.Options ?? options).ThrowIfInvalid(), bindings));
        }
        if (_groups.Count == 0) throw new ArgumentException("The groups hold no parameter: is the module empty or frozen?", nameof(groups));
        Options = options;
    }

    /// <summary>The options given at construction.</summary>
    public OptimizerOptions Options { get; }

    /// <summary>The groups, in order.</summary>
    public IReadOnlyList<ParameterGroup> Groups => _groups;

    /// <summary>Calls of <see cref="Step"/> that changed weights.</summary>
    public long StepCount { get; private protected set; }

    /// <summary>Threads of the CPU kernels; the result is the same for every number.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Use the fused CPU kernels where the optimizer has them (default). Off: tensor operations, as on other devices.</summary>
    public bool UseFusedKernels { get; init; } = true;

    /// <summary>How bfloat16 weights are rounded after an update computed in float32.</summary>
    public WeightRounding Rounding { get; init; } = WeightRounding.Nearest;

    /// <summary>Seed of stochastic rounding; the draw depends on it, the step, the parameter and the element only.</summary>
    public uint RoundingSeed { get; init; }

    /// <summary>
    /// Updates all parameters that have a gradient. Clipping, the update and the weight average run as one pipeline over the same blocks
    /// of memory when the kernels are fused; the gradients themselves are not changed then.
    /// </summary>
    /// <param name="clipping">How to clip gradients; null for not at all.</param>
    /// <param name="gradientScale">Multiplied into every gradient first, for example 1 / micro-batches.</param>
    /// <param name="average">A weight average to update with the new weights.</param>
    /// <exception cref="ArithmeticException">The gradient norm is not finite and the clipping says to throw.</exception>
    public StepResult Step(GradientClipping? clipping = null, double gradientScale = 1, WeightAverage? average = null)
    {
        if (!double.IsFinite(gradientScale)) throw new ArgumentOutOfRangeException(nameof(gradientScale), gradientScale, "The gradient scale must be finite.");
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        Collect();
        var norm = double.NaN;
        var scale = gradientScale;
        if (clipping is not null)
        {
            var coefficient = clipping.Measure(_active, gradientScale, Threads, out norm);
            if (coefficient is null) return new StepResult(norm, true);
            scale *= coefficient.Value;
        }
        BeginStep(_active, scale);
        var limit = clipping?.ValueLimit ?? double.PositiveInfinity;
        Apply(scale, limit, average);
        EndStep(_active);
        StepCount++;
        return new StepResult(norm, false);
    }

    /// <summary>Forgets all gradients.</summary>
    /// <param name="setToNone">True (default) drops the gradient tensors, as PyTorch does; false fills them with zeros and keeps their memory, so the next backward pass allocates nothing (but parameters without a new gradient are then decayed).</param>
    public void ZeroGrad(bool setToNone = true)
    {
        Refresh();
        using var quiet = no_grad();
        foreach (var group in _groups)
        {
            foreach (var binding in group.Bindings) Gradients.Clear(binding.Parameter, setToNone);
        }
    }

    /// <summary>Looks all parameters up in their modules again; the optimizer does this by itself whenever needed.</summary>
    public void Refresh()
    {
        foreach (var group in _groups)
        {
            foreach (var binding in group.Bindings) binding.Refresh();
        }
        _checkedSinceStep = true;
    }

    /// <summary>Switches the weights to the point where gradients are taken. Only averaging optimizers (schedule-free) have two points; elsewhere it does nothing.</summary>
    public virtual void Train()
    {
    }

    /// <summary>Switches the weights to the point to evaluate and save. Only averaging optimizers (schedule-free) have two points; elsewhere it does nothing.</summary>
    public virtual void Eval()
    {
    }

    /// <summary>The state of the parameter called <paramref name="name"/>; null before its first step.</summary>
    public ParameterState? StateOf(string name)
        => _groups.SelectMany(g => g.Bindings).FirstOrDefault(b => b.Name == name)?.State;

    /// <summary>Frees the state tensors. The parameters belong to their module and stay.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the state tensors.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        foreach (var binding in _groups.SelectMany(g => g.Bindings)) binding.State?.Dispose();
    }

    /// <summary>Adds the state tensors and numbers of a parameter before its first update.</summary>
    protected abstract void Initialize(ParameterGroup group, ParameterState state, Tensor parameter);

    /// <summary>
    /// One update in tensor operations, in place on <paramref name="parameter"/> (float32 or float64; half-precision weights arrive as a float32 copy).
    /// The gradient is already negated for maximization, scaled and clipped; it may be changed only through a copy. <see cref="ParameterState.Step"/> already counts this step.
    /// </summary>
    protected abstract void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient);

    /// <summary>Called once before the updates of a step, with everything that takes part.</summary>
    private protected virtual void BeginStep(IReadOnlyList<ActiveParameter> active, double gradientScale)
    {
    }

    /// <summary>Called once after the updates of a step.</summary>
    private protected virtual void EndStep(IReadOnlyList<ActiveParameter> active)
    {
    }

    /// <summary>True when a step first looks at all parameters together: <see cref="Survey"/> runs for each before any <see cref="Update"/>.</summary>
    private protected virtual bool Surveys => false;

    /// <summary>Called before the first <see cref="Survey"/> of a step.</summary>
    private protected virtual void BeginSurvey()
    {
    }

    /// <summary>Looks at one parameter before the updates; same arguments as <see cref="Update"/>.</summary>
    private protected virtual void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
    }

    /// <summary>Called after the last <see cref="Survey"/> of a step.</summary>
    private protected virtual void EndSurvey()
    {
    }

    /// <summary>The batch that collects fused updates; null when the optimizer has no kernel.</summary>
    private protected virtual FusedBatch? CreateBatch() => null;

    /// <summary>Adds one eligible parameter to the batch; false when these options have no kernel.</summary>
    private protected virtual bool TryFuse(FusedBatch batch, in ActiveParameter item) => false;

    private void Collect()
    {
        if (!_checkedSinceStep) Refresh();
        Gather();
        // A parameter whose gradient vanished may have been replaced by module.to(...).
        if (_active.Count < _lastActive)
        {
            Refresh();
            Gather();
        }
        _lastActive = _active.Count;
        _checkedSinceStep = false;
        foreach (var item in _active)
        {
            if (item.Binding.State is not null) continue;
            var state = new ParameterState();
            Initialize(item.Group, state, item.Parameter);
            item.Binding.State = state;
        }
    }

    private int _lastActive;

    private void Gather()
    {
        _active.Clear();
        foreach (var group in _groups)
        {
            foreach (var binding in group.Bindings)
            {
                if (Gradients.Of(binding.Parameter) is not { } gradient) continue;
                if (gradient.is_sparse) throw new NotSupportedException($"Parameter \"{binding.Name}\" has a sparse gradient; make the embedding dense (sparse: false).");
                _active.Add(new ActiveParameter(group, binding, binding.Parameter, gradient));
            }
        }
    }

    private FusedBatch? _batch;

    private void Apply(double scale, double limit, WeightAverage? average)
    {
        average?.BeginUpdate();
        _batch ??= UseFusedKernels ? CreateBatch() : null;
        _batch?.Begin(scale, limit, Rounding, RoundingSeed, StepCount);
        foreach (var item in _active) item.State.Step++;
        if (Surveys)
        {
            BeginSurvey();
            foreach (var item in _active) OnWorkingCopy(item, scale, limit, Survey, store: false);
            EndSurvey();
        }
        foreach (var item in _active)
        {
            if (_batch is not null && FusedBatch.Accepts(item) && TryFuse(_batch, item))
            {
                _batch.Attach(average?.Target(item.Binding.Name, item.Parameter));
                continue;
            }
            OnWorkingCopy(item, scale, limit, Update, store: true);
            average?.Blend(item.Binding.Name, item.Parameter);
        }
        _batch?.Run(Threads, average?.BlendWeight ?? 0);
        average?.EndUpdate();
    }

    private void OnWorkingCopy(in ActiveParameter item, double scale, double limit, Action<ParameterGroup, ParameterState, Tensor, Tensor> work, bool store)
    {
        using var scope = NewDisposeScope();
        var p = item.Parameter;
        var working = p.dtype is ScalarType.Float32 or ScalarType.Float64 ? (Tensor)p : p.to(ScalarType.Float32);
        var gradient = item.Gradient.dtype == working.dtype ? item.Gradient : item.Gradient.to(working.dtype);
        if (item.Group.Options.Maximize) scale = -scale;
        if (scale != 1) gradient = gradient * scale;
        if (double.IsFinite(limit)) gradient = gradient.clamp(-limit, limit);
        work(item.Group, item.State, working, gradient);
        if (store && !ReferenceEquals(working, p)) HalfPrecision.Store(working, p, Rounding, RoundingSeed, StepCount, item.Binding.Name);
    }
}
