using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>
/// Applies an <see cref="OptimizerRule"/> to groups of named parameters: <c>new Optimizer(net, new AdamWRule { LearningRate = 1e-3 })</c>.
/// It owns groups, state, fused kernels, clipping, averaging and saving. State is kept by parameter name, so it survives
/// <c>module.to(...)</c> at any moment;
/// it is made at the first step with a gradient, and a parameter without a gradient is left alone entirely (no decay, no state). Tied
/// weights, recognised by their memory, are updated once.
/// </summary>
/// <remarks>
/// Not safe for use by several threads at once. The CPU kernels split their work so that results do not depend on the number of threads.
/// </remarks>
public sealed partial class Optimizer : IDisposable
{
    private readonly List<ParameterGroup> _groups = [];
    private readonly List<RuleWork> _work = [];
    private readonly List<ActiveParameter> _active = [];
    private readonly int _threads;
    private bool _isDisposed;

    /// <summary>Optimizes <paramref name="module"/> in the groups that the rule makes of it.</summary>
    public Optimizer(Module module, OptimizerRule rule)
        : this((rule ?? throw new ArgumentNullException(nameof(rule))).GroupsFor(module), rule)
    {
    }

    /// <summary>Optimizes the given groups; a group may carry a rule of its own.</summary>
    /// <exception cref="ArgumentException">No parameters, a name or parameter twice, or parameters that share a part of their
    /// memory.</exception>
    public Optimizer(IEnumerable<ParameterGroupSpec> groups, OptimizerRule rule)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(rule);
        Rule = rule.ThrowIfInvalid();
        Join([.. groups.Where(g => g.Parameters.Count > 0)], nameof(groups));
        if (_groups.Count == 0) throw new ArgumentException("The groups hold no parameter: is the module empty or frozen?", nameof(groups));
    }

    /// <summary>The rule of every group that has none of its own.</summary>
    public OptimizerRule Rule { get; }

    /// <summary>The groups, in order.</summary>
    public IReadOnlyList<ParameterGroup> Groups => _groups;

    /// <summary>Calls of <see cref="Step(GradientClipping?, double, WeightAverage?)"/> that changed weights.</summary>
    public long StepCount { get; private set; }

    /// <summary>Numbers that <see cref="Rule"/> keeps over all parameters, such as Prodigy's "distance".</summary>
    public SharedNumbers Numbers => WorkOf(Rule).Numbers;

    /// <summary>True while the module holds the weights to evaluate (see <see cref="Eval"/>).</summary>
    public bool IsEvaluating => _work.Any(w => w.Numbers.Get(EvaluatingKey, 0) != 0);

    /// <summary>
    /// Threads of the CPU kernels, as many as libtorch is told to use unless set; the result is the same for every number.
    /// </summary>
    public int Threads { get => _threads > 0 ? _threads : Math.Max(1, get_num_threads()); init => _threads = value; }

    /// <summary>Use the fused CPU kernels where the rule has them (default). Off: tensor operations, as on other devices.</summary>
    public bool UseFusedKernels { get; init; } = true;

    /// <summary>How bfloat16 weights are rounded after an update computed in float32.</summary>
    public WeightRounding Rounding { get; init; } = WeightRounding.Nearest;

    /// <summary>Seed of stochastic rounding; the draw depends on it, the step, the parameter and the element only.</summary>
    public uint RoundingSeed { get; init; }

    /// <summary>Adds a group, for example of layers that are unfrozen later. Its state starts at its first step.</summary>
    /// <exception cref="ArgumentException">A name or parameter that is there already; nothing changes then.</exception>
    public ParameterGroup Add(ParameterGroupSpec group)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (group.Parameters.Count == 0) throw new ArgumentException($"Group \"{group.Name}\" has no parameters.", nameof(group));
        Join([group], nameof(group));
        return _groups[^1];
    }

    /// <summary>Adds parameters to a group that is there.</summary>
    /// <exception cref="ArgumentException">The group is not one of this optimizer's, or a name or parameter is there already; nothing
    /// changes then.</exception>
    public void Add(ParameterGroup group, IReadOnlyList<NamedParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(parameters);
        if (!_groups.Contains(group)) throw new ArgumentException($"Group \"{group.Name}\" is not one of this optimizer's.", nameof(group));
        group.Bindings.AddRange(Bind([parameters], nameof(parameters))[0]);
    }

    /// <summary>
    /// Updates all parameters that have a gradient. Clipping, the update and the weight average run as one pipeline over the same blocks of
    /// memory when the kernels are fused; the gradients themselves are not changed then.
    /// </summary>
    /// <param name="clipping">How to clip gradients; null for not at all.</param>
    /// <param name="gradientScale">Multiplied into every gradient first, for example 1 / micro-batches.</param>
    /// <param name="average">A weight average to update with the new weights.</param>
    /// <exception cref="ArithmeticException">The gradient norm is not finite and the clipping says to throw.</exception>
    /// <exception cref="InvalidOperationException">The rule evaluates the loss itself (L-BFGS), the module holds the averaged weights, or a
    /// gradient does not fit its parameter.</exception>
    public StepResult Step(GradientClipping? clipping = null, double gradientScale = 1, WeightAverage? average = null)
    {
        if (!double.IsFinite(gradientScale))
            throw new ArgumentOutOfRangeException(nameof(gradientScale), gradientScale, "The gradient scale must be finite.");
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_work.Find(w => w.Rule.NeedsClosure) is { } needy)
            throw new InvalidOperationException(
                $"{needy.Rule.GetType().Name} evaluates the loss several times per step: call Step(closure).");
        if (IsEvaluating) throw new InvalidOperationException("The module holds the averaged weights: call Train() before training on.");
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
        average?.BeginUpdate();
        foreach (var item in _active) Prepare(item);
        Apply(scale, clipping?.ValueLimit ?? double.PositiveInfinity, average);
        StepCount++;
        return new StepResult(norm, false);
    }

    /// <summary>
    /// A step that evaluates the loss itself: once before the update, or, where the rule needs it (L-BFGS), several times. The closure
    /// clears gradients, computes the loss, runs backward and returns the loss; the loss at the weights before the step is in the result.
    /// </summary>
    /// <exception cref="NotSupportedException">Clipping or a scale with a rule that needs the closure.</exception>
    public StepResult Step(Func<double> closure, GradientClipping? clipping = null, double gradientScale = 1, WeightAverage? average = null)
    {
        ArgumentNullException.ThrowIfNull(closure);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!Rule.NeedsClosure)
        {
            double loss;
            using (enable_grad()) loss = closure();
            return Step(clipping, gradientScale, average) with { Loss = loss };
        }
        if (clipping is not null || gradientScale != 1)
            throw new NotSupportedException(
                $"{Rule.GetType().Name} searches along the loss itself: neither clipping nor a gradient scale applies.");
        if (_work.Count > 1)
            throw new NotSupportedException($"{Rule.GetType().Name} moves all parameters as one vector: no group may have another rule.");
        Refresh();
        // A loaded state may have given the groups other options than the optimizer was made with.
        var before = _groups[0].Rule.Minimize(this, closure);
        foreach (var binding in _groups.SelectMany(g => g.Bindings))
        {
            using var quiet = no_grad();
            binding.Spread();
        }
        average?.Update();
        StepCount++;
        return new StepResult(double.NaN, false, before);
    }

    /// <summary>Forgets all gradients.</summary>
    /// <param name="setToNone">True (default) drops the gradient tensors, as PyTorch does; false fills them with zeros and keeps their
    /// memory, so the next backward pass allocates nothing (but parameters without a new gradient are then decayed).</param>
    public void ZeroGrad(bool setToNone = true)
    {
        Refresh();
        using var quiet = no_grad();
        foreach (var parameter in _groups.SelectMany(g => g.Bindings).SelectMany(b => b.Parameters)) Gradients.Clear(parameter, setToNone);
    }

    /// <summary>Looks all parameters up in their modules again; the optimizer does this by itself whenever needed.</summary>
    public void Refresh()
    {
        foreach (var binding in _groups.SelectMany(g => g.Bindings)) binding.Refresh();
    }

    /// <summary>
    /// Switches the weights to the point where gradients are taken. Only averaging rules (schedule-free) have two points; elsewhere it does
    /// nothing.
    /// </summary>
    public void Train() => Move(evaluation: false);

    /// <summary>
    /// Switches the weights to the point to evaluate and save. Only averaging rules (schedule-free) have two points; elsewhere it does
    /// nothing.
    /// </summary>
    public void Eval() => Move(evaluation: true);

    /// <summary>
    /// The state of the parameter called <paramref name="name"/>, or tied to one of this name; null before its first step.
    /// </summary>
    public ParameterState? StateOf(string name)
        => _groups.SelectMany(g => g.Bindings).FirstOrDefault(b => b.Names.Contains(name))?.State;

    /// <summary>Frees the state tensors. The parameters belong to their module and stay.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (var binding in _groups.SelectMany(g => g.Bindings)) binding.State?.Dispose();
    }

    private void Join(IReadOnlyList<ParameterGroupSpec> specs, string argument)
    {
        foreach (var spec in specs) (spec.Rule ?? Rule).ThrowIfInvalid();
        var bindings = Bind([.. specs.Select(s => s.Parameters)], argument);
        for (var i = 0; i < specs.Count; i++)
        {
            var rule = specs[i].Rule ?? Rule;
            var work = WorkOf(rule);
            var group = new ParameterGroup(specs[i], rule, work, _groups.Count);
            group.Bindings.AddRange(bindings[i]);
            work.Groups.Add(group);
            _groups.Add(group);
        }
    }

    /// <summary>Checks new parameters against each other and against those that are there, without changing anything.</summary>
    private List<List<ParameterBinding>> Bind(IReadOnlyList<IReadOnlyList<NamedParameter>> lists, string argument)
    {
        var names = _groups.SelectMany(g => g.Bindings).SelectMany(b => b.Names).ToHashSet(StringComparer.Ordinal);
        var known = _groups.SelectMany(g => g.Bindings).SelectMany(b => b.Parameters).Select(TensorIdentity.Of).ToHashSet();
        var spans = new MemorySpans();
        foreach (var binding in _groups.SelectMany(g => g.Bindings)) spans.Add(binding.Named with { Value = binding.Parameter });
        var result = new List<List<ParameterBinding>>();
        foreach (var list in lists)
        {
            foreach (var parameter in list.SelectMany(p => p.Aliases.Prepend(p)))
            {
                if (!names.Add(parameter.Name))
                    throw new ArgumentException(
                        $"Two parameters are called \"{parameter.Name}\"; names must be unique because the state is kept by name.",
                        argument);
                // Within one group a parameter may have several names: Tied joins them.
                if (known.Contains(TensorIdentity.Of(parameter.Value)))
                    throw new ArgumentException($"Parameter \"{parameter.Name}\" is in the groups twice.", argument);
            }
            known.UnionWith(list.SelectMany(p => p.Aliases.Prepend(p)).Select(p => TensorIdentity.Of(p.Value)));
            var bindings = new List<ParameterBinding>();
            foreach (var parameter in NamedParameter.Tied(list))
            {
                if (spans.Add(parameter) is { } other)
                    throw new ArgumentException(
                        $"Parameters \"{other.Name}\" and \"{parameter.Name}\" are tied (one memory) but in different groups: put both "
                            + $"into one.", argument);
                bindings.Add(new ParameterBinding(parameter));
            }
            result.Add(bindings);
        }
        return result;
    }

    private RuleWork WorkOf(OptimizerRule rule)
    {
        var work = _work.Find(w => w.Rule.GetType() == rule.GetType());
        if (work is null) _work.Add(work = new RuleWork(rule));
        return work;
    }
}
