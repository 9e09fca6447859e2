using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>Schedules one after the other; each starts at its own position 0 when the one before ends.</summary>
[Part("sequential")]
public sealed record SequentialSchedule : LearningRateSchedule
{
    /// <summary>The schedules.</summary>
    public IReadOnlyList<LearningRateSchedule> Parts { get; init; } = [ConstantSchedule.Flat];

    /// <summary>Where each part after the first begins: one less than the parts, rising.</summary>
    public IReadOnlyList<double> Milestones { get; init; } = [];

    /// <inheritdoc/>
    public override bool HasOpenLength => Parts.Any(p => p.HasOpenLength);

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => this with
    {
        Parts = [
            .. Parts.Select(
                (p, i) => p.Over(Math.Max(1, (i < Milestones.Count ? Milestones[i] : steps) - (i == 0 ? 0 : Milestones[i - 1]))))],
    };

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        var (part, start) = Find(position);
        return part.At(position - start, baseRate);
    }

    /// <inheritdoc/>
    public override double Next(double current, double position, double baseRate)
    {
        var (part, start) = Find(position);
        return position - start < 1 ? part.At(position - start, baseRate) : part.Next(current, position - start, baseRate);
    }

    /// <inheritdoc/>
    public override double? MomentumAt(double position)
    {
        var (part, start) = Find(position);
        return part.MomentumAt(position - start);
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        ArgumentNullException.ThrowIfNull(checks);
        checks.Must(Parts.Count > 0 && Milestones.Count == Parts.Count - 1, Milestones.Count,
            $"one milestone less than parts ({Parts.Count - 1})", field: nameof(Milestones));
        checks.Must(Milestones.Zip(Milestones.Skip(1)).All(p => p.First < p.Second), string.Join(", ", Milestones), "rising positions",
            field: nameof(Milestones));
        foreach (var part in Parts) checks.Nested(part, nameof(Parts));
    }

    private (LearningRateSchedule Part, double Start) Find(double position)
    {
        var index = 0;
        while (index < Milestones.Count && Milestones[index] <= position) index++;
        return (Parts[index], index == 0 ? 0 : Milestones[index - 1]);
    }
}
