using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Numbers that a rule keeps over all parameters together, by name. They are saved and restored with the optimizer.</summary>
public class SharedNumbers
{
    private readonly Dictionary<string, double> _kept = new(StringComparer.Ordinal);

    internal SharedNumbers()
    {
    }

    /// <summary>Numbers of the present step only; cleared before every step and never saved.</summary>
    public IDictionary<string, double> Now { get; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>A number that is kept; 0 until it is set.</summary>
    public double this[string name]
    {
        get => _kept.GetValueOrDefault(name);
        set => _kept[name] = value;
    }

    /// <summary>The number <paramref name="name"/>, or <paramref name="otherwise"/> when it was never set.</summary>
    public double Get(string name, double otherwise) => _kept.GetValueOrDefault(name, otherwise);

    /// <summary>Adds to a number of the present step.</summary>
    public void Add(string name, double value) => Now[name] = Now.TryGetValue(name, out var sum) ? sum + value : value;

    /// <summary>A number of the present step; 0 until it is set.</summary>
    internal double Sum(string name) => Now.TryGetValue(name, out var sum) ? sum : 0;

    internal virtual IEnumerable<KeyValuePair<string, double>> Scalars() => _kept;

    /// <summary>New tensors that belong to the state.</summary>
    internal virtual IEnumerable<(string Name, Tensor Value)> Tensors() => [];

    /// <summary>Why a saved state does not fit; empty when it does.</summary>
    internal virtual IEnumerable<string> Problems(IReadOnlyDictionary<string, double> scalars, IReadOnlyDictionary<string, Tensor> tensors,
        long elements)
        => tensors.Keys.Select(k => $"\"own/{k}\" belongs to another optimizer");

    /// <summary>Takes a state over that has no problems; the tensors stay the caller's.</summary>
    internal virtual void Load(IReadOnlyDictionary<string, double> scalars, IReadOnlyDictionary<string, Tensor> tensors)
    {
        _kept.Clear();
        foreach (var (name, value) in scalars) _kept[name] = value;
    }
}

/// <summary>A step of all parameters that one kind of rule updates, before and between the updates.</summary>
public sealed class RuleStep
{
    private readonly IReadOnlyList<ActiveParameter> _active;
    private readonly double _gradientScale;

    internal RuleStep(Optimizer optimizer, RuleWork work, IReadOnlyList<ActiveParameter> active, double gradientScale)
    {
        (Optimizer, Shared, Groups) = (optimizer, work.Numbers, work.Groups);
        (_active, _gradientScale) = (active, gradientScale);
    }

    /// <summary>The optimizer.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Numbers over all parameters together.</summary>
    public SharedNumbers Shared { get; }

    /// <summary>The groups whose rule is of this kind.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>The norm of all gradients of these groups together, as scaled for this step.</summary>
    public double GradientNorm()
        => Cresset.Optim.GradientNorm.Of([.. _active.Where(a => Groups.Contains(a.Group)).Select(a => a.Gradient)], 2, Optimizer.Threads)
            * Math.Abs(_gradientScale);
}

/// <summary>What an optimizer keeps for all groups whose rules are of one type.</summary>
internal sealed class RuleWork(OptimizerRule rule)
{
    public OptimizerRule Rule { get; set; } = rule;

    public SharedNumbers Numbers { get; } = rule.CreateNumbers();

    public List<ParameterGroup> Groups { get; } = [];

    public FusedBatch? Batch { get; set; }
}
