using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// Several schedules at once: at every step each one acts on what the one before it left, so factors multiply. A schedule that sets an
/// absolute rate (a lambda, a cycle) overrides the ones before it. Walks from position 0, so use whole positions.
/// </summary>
[Part("chained")]
public sealed record ChainedSchedule : LearningRateSchedule
{
    private double _at = -1;
    private double _rate;
    private double _base;

    /// <summary>The schedules in the order in which they act.</summary>
    public IReadOnlyList<LearningRateSchedule> Parts { get; init; } = [ConstantSchedule.Flat];

    /// <inheritdoc/>
    public override bool HasOpenLength => Parts.Any(p => p.HasOpenLength);

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => new ChainedSchedule { Parts = [.. Parts.Select(p => p.Over(steps))] };

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        if (_at < 0 || position < _at || baseRate != _base)
        {
            (_at, _base, _rate) = (0, baseRate, baseRate);
            // At position 0 every part multiplies what is there by its own first factor.
            foreach (var part in Parts) _rate = baseRate == 0 ? 0 : _rate * (part.At(0, baseRate) / baseRate);
        }
        while (_at + 1 <= position)
        {
            _at++;
            foreach (var part in Parts) _rate = part.Next(_rate, _at, baseRate);
        }
        return _rate;
    }

    /// <inheritdoc/>
    public override double? MomentumAt(double position) => Parts.Select(p => p.MomentumAt(position)).LastOrDefault(m => m is not null);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        ArgumentNullException.ThrowIfNull(checks);
        checks.Must(Parts.Count > 0, Parts.Count, "at least one schedule", field: nameof(Parts));
        foreach (var part in Parts) checks.Nested(part, nameof(Parts));
    }
}
