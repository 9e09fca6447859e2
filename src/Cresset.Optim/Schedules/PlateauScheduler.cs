using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>Options of <see cref="PlateauScheduler"/>; the defaults are PyTorch's ReduceLROnPlateau.</summary>
public sealed record PlateauOptions : IOptionsRecord
{
    /// <summary>The metric should rise (an accuracy) instead of fall (a loss).</summary>
    public bool Maximize { get; init; }

    /// <summary>The factor of a reduction, in (0, 1).</summary>
    public double Factor { get; init; } = 0.1;

    /// <summary>Bad steps that are tolerated, at least 0.</summary>
    public int Patience { get; init; } = 10;

    /// <summary>An improvement must exceed this, at least 0.</summary>
    public double Threshold { get; init; } = 1e-4;

    /// <summary>The threshold is absolute instead of relative to the best value.</summary>
    public bool AbsoluteThreshold { get; init; }

    /// <summary>Steps after a reduction in which nothing counts as bad, at least 0.</summary>
    public int Cooldown { get; init; }

    /// <summary>The lowest rate, at least 0.</summary>
    public double MinRate { get; init; }

    /// <summary>The lowest rate of each group; empty for <see cref="MinRate"/> everywhere.</summary>
    public IReadOnlyList<double> GroupMinRates { get; init; } = [];

    /// <summary>Reductions smaller than this are left out, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Factor, 0, 1, includeMin: false, includeMax: false)
        .AtLeast(Patience, 0)
        .AtLeast(Threshold, 0.0)
        .AtLeast(Cooldown, 0)
        .AtLeast(MinRate, 0.0)
        .Must(GroupMinRates.All(r => r >= 0), string.Join(", ", GroupMinRates), "rates of at least 0", field: nameof(GroupMinRates))
        .AtLeast(Epsilon, 0.0);
}

/// <summary>Reduces the learning rates when a metric has stopped improving. NaN counts as bad.</summary>
public sealed class PlateauScheduler : RateScheduler
{
    private readonly PlateauOptions _options;
    private int _cooldown;

    /// <summary>Watches a metric for <paramref name="optimizer"/>.</summary>
    /// <exception cref="ArgumentException">As many lowest rates as groups are needed, or none.</exception>
    public PlateauScheduler(Optimizer optimizer, PlateauOptions? options = null)
        : base(optimizer)
    {
        _options = (options ?? new PlateauOptions()).ThrowIfInvalid();
        if (_options.GroupMinRates.Count != 0 && _options.GroupMinRates.Count != optimizer.Groups.Count)
            throw new ArgumentException($"{_options.GroupMinRates.Count} lowest rates for {optimizer.Groups.Count} groups.",
                nameof(options));
        Best = _options.Maximize ? double.NegativeInfinity : double.PositiveInfinity;
    }

    /// <summary>The best value seen.</summary>
    public double Best { get; private set; }

    /// <summary>Steps without an improvement since the last one or the last reduction.</summary>
    public int BadSteps { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException">No metric was given.</exception>
    public override void Step(double? metric = null)
    {
        if (metric is not { } value) throw new ArgumentNullException(nameof(metric), "This scheduler watches a metric: pass it to Step.");
        if (IsBetter(value))
        {
            Best = value;
            BadSteps = 0;
        }
        else
        {
            BadSteps++;
        }
        if (_cooldown > 0)
        {
            _cooldown--;
            BadSteps = 0;
        }
        if (BadSteps <= _options.Patience) return;
        for (var g = 0; g < Optimizer.Groups.Count; g++)
        {
            var group = Optimizer.Groups[g];
            var rate = Math.Max(group.LearningRate * _options.Factor,
                g < _options.GroupMinRates.Count ? _options.GroupMinRates[g] : _options.MinRate);
            if (group.LearningRate - rate > _options.Epsilon) group.LearningRate = rate;
        }
        _cooldown = _options.Cooldown;
        BadSteps = 0;
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> StateDict()
    {
        var state = new Dictionary<string, double> { ["best"] = Best, ["bad_steps"] = BadSteps, ["cooldown"] = _cooldown };
        for (var g = 0; g < Optimizer.Groups.Count; g++)
            state[string.Create(CultureInfo.InvariantCulture, $"rate.{g}")] = Optimizer.Groups[g].LearningRate;
        return state;
    }

    /// <inheritdoc/>
    public override void LoadStateDict(IReadOnlyDictionary<string, double> state)
    {
        var best = Need(state, "best");
        if (double.IsNaN(best))
            throw new ArgumentException("The scheduler's state says NaN for \"best\"; no value would ever be better.", nameof(state));
        var (bad, cooldown) = ((int)NeedCount(state, "bad_steps", whole: true), (int)NeedCount(state, "cooldown", whole: true));
        var groups = Optimizer.Groups;
        var rates = Enumerable.Range(0, groups.Count)
            .Select(g => NeedCount(state, string.Create(CultureInfo.InvariantCulture, $"rate.{g}"), whole: false)).ToList();
        (Best, BadSteps, _cooldown) = (best, bad, cooldown);
        for (var g = 0; g < rates.Count; g++) groups[g].LearningRate = rates[g];
    }

    private bool IsBetter(double value) => (_options.Maximize, _options.AbsoluteThreshold) switch
    {
        (false, false) => value < Best * (1 - _options.Threshold),
        (false, true) => value < Best - _options.Threshold,
        (true, false) => value > Best * (1 + _options.Threshold),
        (true, true) => value > Best + _options.Threshold,
    };
}
