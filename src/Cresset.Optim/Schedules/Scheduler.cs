using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// Applies a <see cref="LearningRateSchedule"/> to the groups of an optimizer. The rates of position 0 are set at construction;
/// call <see cref="Step"/> after every optimizer step (or epoch).
/// </summary>
public sealed class Scheduler : RateScheduler
{
    private readonly LearningRateSchedule[] _schedules;
    private readonly double[] _baseRates;

    /// <summary>One schedule for all groups, or one for each.</summary>
    /// <exception cref="ArgumentException">Neither one schedule nor as many as groups.</exception>
    public Scheduler(Optimizer optimizer, params LearningRateSchedule[] schedules)
        : base(optimizer)
    {
        ArgumentNullException.ThrowIfNull(schedules);
        var groups = optimizer.Groups.Count;
        if (schedules.Length != 1 && schedules.Length != groups)
            throw new ArgumentException($"{schedules.Length} schedules for {groups} groups: give one, or one per group.",
                nameof(schedules));
        // A copy each, because some schedules remember how far they have walked.
        _schedules =
            [.. Enumerable.Range(0, groups).Select(g => (schedules.Length == 1 ? schedules[0] : schedules[g]).ThrowIfInvalid() with { })];
        // A rate set by hand since construction (or since the last schedule) is the rate to scale.
        foreach (var group in optimizer.Groups.Where(g => g.RateIsSetByHand)) group.InitialLearningRate = group.LearningRate;
        _baseRates = [.. optimizer.Groups.Select(g => g.InitialLearningRate)];
        MoveTo(0);
    }

    /// <summary>Steps made.</summary>
    public double Position { get; private set; }

    /// <inheritdoc/>
    public override void Step(double? metric = null) => MoveTo(Position + 1);

    /// <summary>Sets the rates of any position, for example a fraction of an epoch.</summary>
    public void MoveTo(double position)
    {
        if (!(position >= 0) || double.IsInfinity(position))
            throw new ArgumentOutOfRangeException(nameof(position), position, "The position must be finite and at least 0.");
        Position = position;
        for (var g = 0; g < _schedules.Length; g++)
        {
            var group = Optimizer.Groups[g];
            group.Schedule(_schedules[g].At(position, _baseRates[g]));
            if (_schedules[g].MomentumAt(position) is not { } momentum) continue;
            group.Momentum = group.Momentum is not null
                ? momentum
                : throw new ArgumentException($"{group.Rule.GetType().Name} has no momentum to cycle: set CycleMomentum to false.");
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> StateDict()
    {
        var state = new Dictionary<string, double> { ["position"] = Position };
        for (var g = 0; g < _baseRates.Length; g++) state[string.Create(CultureInfo.InvariantCulture, $"base_rate.{g}")] = _baseRates[g];
        return state;
    }

    /// <inheritdoc/>
    public override void LoadStateDict(IReadOnlyDictionary<string, double> state)
    {
        var position = Need(state, "position");
        for (var g = 0; g < _baseRates.Length; g++)
            _baseRates[g] = Need(state, string.Create(CultureInfo.InvariantCulture, $"base_rate.{g}"));
        MoveTo(position);
    }
}
