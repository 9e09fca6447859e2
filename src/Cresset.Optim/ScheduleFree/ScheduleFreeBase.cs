using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Options that the schedule-free optimizers share.</summary>
public abstract record ScheduleFreeOptions : OptimizerOptions
{
    /// <summary>Steps of linear warm-up of the rate, at least 0; the method needs no other schedule.</summary>
    public int WarmUpSteps { get; init; }

    /// <summary>Power of the step in the weights of the average; 0 weighs steps equally.</summary>
    public double R { get; init; }

    /// <summary>Power of the largest rate so far in the weights of the average.</summary>
    public double WeightRatePower { get; init; } = 2;

    /// <summary>The interpolation between average and fast iterate where gradients are taken.</summary>
    internal abstract double Interpolation { get; }

    internal override double? CycledMomentum => null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.AtLeast(WarmUpSteps, 0).AtLeast(R, 0.0).AtLeast(WeightRatePower, 0.0).Within(Interpolation, 0, 1, includeMin: false, includeMax: false, field: "Beta1 (or Momentum)");
}

/// <summary>
/// Schedule-free learning (Defazio et al. 2024): gradients are taken at y = (1 - beta) z + beta x, where z is the fast iterate and x the running average
/// that replaces a falling learning rate. The module holds y while training and must hold x to be evaluated or saved: call <see cref="Eval"/> and
/// <see cref="Train"/>. Running statistics of batch norms belong to y and have to be re-estimated at x.
/// </summary>
public abstract class ScheduleFreeBase : Optimizer
{
    private readonly double[] _largestRate;
    private readonly double[] _weightSum;
    private readonly double[] _blend;
    private readonly double[] _rate;
    private bool _evaluating;

    private protected ScheduleFreeBase(IEnumerable<ParameterGroupSpec> groups, ScheduleFreeOptions options)
        : base(groups, options)
    {
        _largestRate = new double[Groups.Count];
        _weightSum = new double[Groups.Count];
        _blend = new double[Groups.Count];
        _rate = new double[Groups.Count];
    }

    /// <summary>True while the module holds the averaged weights.</summary>
    public bool IsEvaluating => _evaluating;

    /// <inheritdoc/>
    public override void Eval()
    {
        if (!_evaluating) Move(o => 1 - (1 / o.Interpolation));
        _evaluating = true;
    }

    /// <inheritdoc/>
    public override void Train()
    {
        if (_evaluating) Move(o => 1 - o.Interpolation);
        _evaluating = false;
    }

    private protected override void BeginStep(IReadOnlyList<ActiveParameter> active, double gradientScale)
    {
        if (_evaluating) throw new InvalidOperationException("The module holds the averaged weights: call Train() before training on.");
        for (var g = 0; g < Groups.Count; g++)
        {
            var group = Groups[g];
            var o = group.OptionsAs<ScheduleFreeOptions>();
            var step = StepCount + 1;
            _rate[g] = group.LearningRate * Math.Min(1, o.WarmUpSteps == 0 ? 1 : step / (double)o.WarmUpSteps) * RateFactor(o, step);
            _largestRate[g] = Math.Max(_rate[g], _largestRate[g]);
            var weight = Math.Pow(step, o.R) * Math.Pow(_largestRate[g], o.WeightRatePower);
            _weightSum[g] += weight;
            _blend[g] = _weightSum[g] == 0 ? 0 : weight / _weightSum[g];
        }
    }

    /// <summary>A factor of the rate at <paramref name="step"/> (from 1).</summary>
    private protected virtual double RateFactor(ScheduleFreeOptions options, long step) => 1;

    /// <summary>Moves y (the parameter) and z by the direction, towards the average.</summary>
    private protected void Advance(ParameterGroup group, ParameterState state, Tensor parameter, Tensor direction)
    {
        var g = IndexOf(group);
        var beta = group.OptionsAs<ScheduleFreeOptions>().Interpolation;
        var z = state["z"];
        parameter.lerp_(z, _blend[g]);
        parameter.add_(direction, alpha: _rate[g] * ((beta * (1 - _blend[g])) - 1));
        z.sub_(direction.mul(_rate[g]));
    }

    private protected override IEnumerable<(string Name, double Value)> OwnScalars()
    {
        yield return ("evaluating", _evaluating ? 1 : 0);
        for (var g = 0; g < Groups.Count; g++)
        {
            yield return (FormattableString.Invariant($"largest_rate.{g}"), _largestRate[g]);
            yield return (FormattableString.Invariant($"weight_sum.{g}"), _weightSum[g]);
        }
    }

    private protected override void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
        _evaluating = scalars["evaluating"] != 0;
        for (var g = 0; g < Groups.Count; g++)
        {
            _largestRate[g] = scalars[FormattableString.Invariant($"largest_rate.{g}")];
            _weightSum[g] = scalars[FormattableString.Invariant($"weight_sum.{g}")];
        }
    }

    private int IndexOf(ParameterGroup group)
    {
        for (var g = 0; g < Groups.Count; g++)
        {
            if (ReferenceEquals(Groups[g], group)) return g;
        }
        throw new ArgumentException($"Group \"{group.Name}\" is not one of this optimizer's.", nameof(group));
    }

    private void Move(Func<ScheduleFreeOptions, double> weight)
    {
        Refresh();
        using var quiet = no_grad();
        foreach (var group in Groups)
        {
            foreach (var binding in group.Bindings)
            {
                if (binding.State is not { } state) continue;
                using var scope = NewDisposeScope();
                binding.Parameter.lerp_(state["z"].to(binding.Parameter.dtype), weight(group.OptionsAs<ScheduleFreeOptions>()));
            }
        }
    }
}
