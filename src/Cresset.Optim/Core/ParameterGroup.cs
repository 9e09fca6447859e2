using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>What a group is made of, before an optimizer owns it.</summary>
/// <param name="Name">What to call it in summaries.</param>
/// <param name="Parameters">Its parameters, at least one.</param>
/// <param name="LearningRate">Its learning rate; null for the rule's.</param>
/// <param name="WeightDecay">Its weight decay; null for the rule's.</param>
/// <param name="Rule">A rule for this group, of the same or another kind than the optimizer's; null for the optimizer's.</param>
public sealed record ParameterGroupSpec(string Name, IReadOnlyList<NamedParameter> Parameters, double? LearningRate = null,
    double? WeightDecay = null, OptimizerRule? Rule = null);

/// <summary>
/// A group of parameters with its own rule, learning rate, weight decay and momentum, which schedules may change between steps.
/// </summary>
public sealed class ParameterGroup
{
    private double _learningRate;
    private double _weightDecay;
    private double? _momentum;

    internal ParameterGroup(ParameterGroupSpec spec, OptimizerRule rule, RuleWork work, int index)
    {
        (Name, Rule, Work, Index) = (spec.Name, rule, work, index);
        LearningRate = spec.LearningRate ?? rule.LearningRate;
        InitialLearningRate = LearningRate;
        RateIsSetByHand = false;
        WeightDecay = spec.WeightDecay ?? rule.WeightDecay;
        _momentum = rule.CycledMomentum;
    }

    /// <summary>The group's name.</summary>
    public string Name { get; }

    /// <summary>
    /// The rule of its updates; <see cref="LearningRate"/>, <see cref="WeightDecay"/> and <see cref="Momentum"/> here take precedence.
    /// </summary>
    public OptimizerRule Rule { get; private set; }

    /// <summary>
    /// The learning rate of the next step, at least 0. Set before a scheduler is made, it is the rate that the schedule scales.
    /// </summary>
    public double LearningRate
    {
        get => _learningRate;
        set => (_learningRate, RateIsSetByHand) = (Rate(value), true);
    }

    /// <summary>The learning rate that schedules scale; the rate at construction unless set.</summary>
    public double InitialLearningRate { get; set; }

    /// <summary>The weight decay of the next step, at least 0.</summary>
    public double WeightDecay
    {
        get => _weightDecay;
        set => _weightDecay = double.IsFinite(value) && value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value,
                $"The weight decay of group \"{Name}\" must be finite and at least 0.");
    }

    /// <summary>Momentum (or Adam's first beta) of the next step; null when the rule has none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1), or null where the rule has a momentum, or a number where it has
    /// none.</exception>
    public double? Momentum
    {
        get => _momentum;
        set => _momentum = MomentumProblem(value) is { } problem ? throw new ArgumentOutOfRangeException(nameof(value), value, problem)
            : value;
    }

    /// <summary>The names of its parameters.</summary>
    public IReadOnlyList<string> ParameterNames => Bindings.ConvertAll(b => b.Name);

    /// <summary>Number of scalars in its parameters; tied ones count once.</summary>
    public long ElementCount => Bindings.Sum(b => b.Parameter.numel());

    internal List<ParameterBinding> Bindings { get; } = [];

    internal RuleWork Work { get; }

    internal int Index { get; }

    /// <summary>True when the rate was set by somebody else than a scheduler.</summary>
    internal bool RateIsSetByHand { get; private set; }

    /// <summary>The factor of the decay rate: 1, or for corrected decay (Defazio 2025) the learning rate over the initial one.</summary>
    internal double DecayRatio(bool corrected) => corrected && InitialLearningRate > 0 ? LearningRate / InitialLearningRate : 1;

    /// <summary>Sets the rate on behalf of a schedule or a loaded state.</summary>
    internal void Schedule(double rate) => (_learningRate, RateIsSetByHand) = (Rate(rate), false);

    internal string? MomentumProblem(double? value)
    {
        if ((value is null) != (Rule.CycledMomentum is null))
            return value is null ? $"Group \"{Name}\" has a momentum ({Rule.GetType().Name}): give a number."
                : $"{Rule.GetType().Name} has no momentum: the one of group \"{Name}\" stays null.";
        return value is null || (double.IsFinite(value.Value) && value >= 0 && (value < 1 || Rule.AllowsAnyMomentum))
            ? null
            : $"The momentum of group \"{Name}\" must lie in {(Rule.AllowsAnyMomentum ? "[0, infinity)" : "[0, 1)")}.";
    }

    /// <summary>Takes another record of the same rule over, with its rate, decay and momentum.</summary>
    internal void Take(OptimizerRule rule)
    {
        Rule = rule.ThrowIfInvalid();
        // What a rule does for all its groups together follows the first of them.
        if (Work.Groups.Count > 0 && ReferenceEquals(Work.Groups[0], this)) Work.Rule = Rule;
        Schedule(rule.LearningRate);
        WeightDecay = rule.WeightDecay;
        _momentum = rule.CycledMomentum;
    }

    private double Rate(double value) => double.IsFinite(value) && value >= 0
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value,
            $"The learning rate of group \"{Name}\" must be finite and at least 0.");
}
