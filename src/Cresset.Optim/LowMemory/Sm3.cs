using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Sm3"/>.</summary>
public sealed record Sm3Options : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public Sm3Options() => LearningRate = 0.1;

    /// <summary>Decay of a momentum of the updates, in [0, 1); 0 keeps none.</summary>
    public double Momentum { get; init; } = 0;

    /// <summary>Decay of the squared sums, in [0, 1); 0 adds them up as Adagrad does.</summary>
    public double Beta { get; init; }

    /// <summary>Added to the squared sum, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).Within(Beta, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>SM3 (Anil et al. 2019): Adagrad whose squared sums are kept as one number for each row, column and so on; the sum of a weight is bounded by the smallest of its own.</summary>
public sealed class Sm3 : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Sm3(Module module, Sm3Options? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Sm3(IEnumerable<ParameterGroupSpec> groups, Sm3Options? options = null)
        : base(groups, options ?? new Sm3Options())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        var type = ParameterState.TypeFor(parameter);
        for (var i = 0; i < Math.Max(1, parameter.dim()); i++)
        {
            var shape = parameter.shape.Select((length, dimension) => dimension == i ? length : 1).ToArray();
            state.Put(Slot(i), zeros(shape, dtype: type, device: parameter.device));
        }
        if (group.OptionsAs<Sm3Options>().Momentum > 0) state.Fill("momentum_buffer", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<Sm3Options>();
        WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        var dimensions = (int)Math.Max(1, parameter.dim());
        var sum = state[Slot(0)].expand_as(parameter).clone();
        for (var i = 1; i < dimensions; i++) sum = minimum(sum, state[Slot(i)]);
        if (o.Beta > 0) sum.mul_(o.Beta);
        sum.addcmul_(gradient, gradient, 1 - o.Beta);
        for (var i = 0; i < dimensions; i++)
        {
            var others = Enumerable.Range(0, (int)parameter.dim()).Where(d => d != i).Select(d => (long)d).ToArray();
            var largest = others.Length == 0 ? sum : sum.amax(others, keepdim: true);
            var cover = state[Slot(i)];
            cover.copy_(o.Beta > 0 ? maximum(cover, largest) : largest);
        }
        var update = sum.add_(o.Epsilon).rsqrt_().mul_(gradient);
        if (o.Momentum > 0) update = state["momentum_buffer"].lerp_(update, 1 - (group.Momentum ?? o.Momentum));
        parameter.add_(update, alpha: -group.LearningRate);
    }

    private static string Slot(int dimension) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"accumulator_{dimension}");
}
