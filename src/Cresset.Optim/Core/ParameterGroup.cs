using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>What a group is made of, before an optimizer owns it.</summary>
/// <param name="Name">What to call it in summaries.</param>
/// <param name="Parameters">Its parameters, at least one.</param>
/// <param name="LearningRate">Its learning rate; null for the optimizer's.</param>
/// <param name="WeightDecay">Its weight decay; null for the optimizer's.</param>
/// <param name="Options">A full options record of the optimizer's own type for this group; null for the optimizer's.</param>
public sealed record ParameterGroupSpec(string Name, IReadOnlyList<NamedParameter> Parameters, double? LearningRate = null, double? WeightDecay = null, OptimizerOptions? Options = null);

/// <summary>A group of parameters with its own learning rate, weight decay and momentum, which schedules may change between steps.</summary>
public sealed class ParameterGroup
{
    private double _learningRate;
    private double _weightDecay;

    internal ParameterGroup(ParameterGroupSpec spec, OptimizerOptions options, List<ParameterBinding> bindings)
    {
        Name = spec.Name;
        Options = options;
        Bindings = bindings;
        LearningRate = spec.LearningRate ?? options.LearningRate;
        InitialLearningRate = LearningRate;
        WeightDecay = spec.WeightDecay ?? options.WeightDecay;
        Momentum = options.CycledMomentum;
    }

    /// <summary>The group's name.</summary>
    public string Name { get; }

    /// <summary>The options of its updates; <see cref="LearningRate"/>, <see cref="WeightDecay"/> and <see cref="Momentum"/> here take precedence.</summary>
    public OptimizerOptions Options { get; }

    /// <summary>The learning rate of the next step, at least 0.</summary>
    public double LearningRate
    {
        get => _learningRate;
        set => _learningRate = double.IsFinite(value) && value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"The learning rate of group \"{Name}\" must be finite and at least 0.");
    }

    /// <summary>The learning rate that schedules scale; the rate at construction unless set.</summary>
    public double InitialLearningRate { get; set; }

    /// <summary>The weight decay of the next step, at least 0.</summary>
    public double WeightDecay
    {
        get => _weightDecay;
        set => _weightDecay = double.IsFinite(value) && value >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"The weight decay of group \"{Name}\" must be finite and at least 0.");
    }

    /// <summary>Momentum (or Adam's first beta) of the next step; null when the optimizer has none.</summary>
    public double? Momentum { get; set; }

    /// <summary>The names of its parameters.</summary>
    public IReadOnlyList<string> ParameterNames => Bindings.ConvertAll(b => b.Name);

    /// <summary>Number of scalars in its parameters.</summary>
    public long ElementCount => Bindings.Sum(b => b.Parameter.numel());

    internal List<ParameterBinding> Bindings { get; }

    /// <summary>The factor of the decay rate: 1, or for corrected decay (Defazio 2025) the learning rate over the initial one.</summary>
    internal double DecayRatio(bool corrected) => corrected && InitialLearningRate > 0 ? LearningRate / InitialLearningRate : 1;

    internal T OptionsAs<T>()
        where T : OptimizerOptions
        => (T)Options;
}
