using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AggMo"/>.</summary>
public sealed record AggMoOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AggMoOptions() => LearningRate = 1e-3;

    /// <summary>Decays of the momenta, each in [0, 1).</summary>
    public IReadOnlyList<double> Decays { get; init; } = [0, 0.9, 0.99];

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Must(Decays is { Count: > 0 } && Decays.All(d => d is >= 0 and < 1), Decays is null ? null : string.Join(", ", Decays), "one or more numbers in [0, 1)", field: nameof(Decays));
    }
}

/// <summary>AggMo (Lucas et al. 2019): the mean of several momenta with different decays, fast without oscillation.</summary>
public sealed class AggMo : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AggMo(Module module, AggMoOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AggMo(IEnumerable<ParameterGroupSpec> groups, AggMoOptions? options = null)
        : base(groups, options ?? new AggMoOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        for (var i = 0; i < group.OptionsAs<AggMoOptions>().Decays.Count; i++) state.Fill(Slot(i), parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AggMoOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        for (var i = 0; i < o.Decays.Count; i++)
        {
            var buffer = state[Slot(i)].mul_(o.Decays[i]).add_(gradient);
            parameter.add_(buffer, alpha: -group.LearningRate / o.Decays.Count);
        }
    }

    private static string Slot(int index) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"momentum_{index}");
}
