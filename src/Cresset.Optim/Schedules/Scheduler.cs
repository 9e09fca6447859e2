using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// Applies a <see cref="LearningRateSchedule"/> to the groups of an optimizer. The rates of position 0 are set at construction;
/// call <see cref="Step"/> after every optimizer step (or epoch). A group that joins the optimizer later follows from the next step on,
/// where one schedule was given for all; with one per group it keeps its rate.
/// </summary>
public sealed class Scheduler : RateScheduler
{
    private readonly List<LearningRateSchedule> _schedules = [];
    private readonly List<double> _baseRates = [];
    private readonly LearningRateSchedule? _ofAll;

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
        foreach (var schedule in schedules) _ = schedule.ThrowIfInvalid();
        if (schedules.Length == 1) _ofAll = schedules[0];
        for (var g = 0; g < groups; g++) Join(optimizer.Groups[g], schedules.Length == 1 ? schedules[0] : schedules[g]);
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
        JoinLate();
        for (var g = 0; g < _schedules.Count; g++)
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
        JoinLate();
        var state = new Dictionary<string, double> { ["position"] = Position };
        for (var g = 0; g < _baseRates.Count; g++) state[Key(g)] = _baseRates[g];
        return state;
    }

    /// <inheritdoc/>
    public override void LoadStateDict(IReadOnlyDictionary<string, double> state)
    {
        JoinLate();
        var position = NeedCount(state, "position", whole: false);
        var rates = Enumerable.Range(0, _baseRates.Count).Select(g => NeedCount(state, Key(g), whole: false)).ToList();
        if (state.ContainsKey(Key(rates.Count)))
            throw new ArgumentException($"The scheduler's state has rates of more groups than the {rates.Count} here.", nameof(state));
        for (var g = 0; g < rates.Count; g++) _baseRates[g] = rates[g];
        MoveTo(position);
    }

    private static string Key(int group) => string.Create(CultureInfo.InvariantCulture, $"base_rate.{group}");

    private void JoinLate()
    {
        if (_ofAll is null) return;
        for (var g = _schedules.Count; g < Optimizer.Groups.Count; g++) Join(Optimizer.Groups[g], _ofAll);
    }

    private void Join(ParameterGroup group, LearningRateSchedule schedule)
    {
        // A copy each, because some schedules remember how far they have walked.
        _schedules.Add(schedule with { });
        // A rate set by hand since construction (or since the last schedule) is the rate to scale.
        if (group.RateIsSetByHand) group.InitialLearningRate = group.LearningRate;
        _baseRates.Add(group.InitialLearningRate);
    }
}
