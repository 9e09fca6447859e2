using Cresset.Optim;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Schedules over groups that join later, and states of schedules that fit no training.</summary>
public sealed class LateGroupTests
{
    [Fact]
    public void AGroupThatJoinsLaterFollowsTheScheduleOfAll()
    {
        using var first = new Parameter(ones(2));
        using var late = new Parameter(ones(2));
        using var optimizer = Of(first);
        var schedule = new Scheduler(optimizer, new ExponentialSchedule { Gamma = 0.5 });
        schedule.Step();
        optimizer.Add(new ParameterGroupSpec("late", [new NamedParameter("late", late)], LearningRate: 0.1));
        schedule.Step();
        Assert.Equal([0.25, 0.025], optimizer.Groups.Select(g => g.LearningRate));
        var state = schedule.StateDict();
        schedule.Step();
        schedule.LoadStateDict(state);
        Assert.Equal([0.25, 0.025], optimizer.Groups.Select(g => g.LearningRate));
    }

    [Fact]
    public void APlateauLowersTheRateOfAGroupThatJoinedLater()
    {
        using var first = new Parameter(ones(2));
        using var late = new Parameter(ones(2));
        using var optimizer = Of(first);
        var plateau = new PlateauScheduler(optimizer, new PlateauOptions { Patience = 0, GroupMinRates = [0.5] });
        optimizer.Add(new ParameterGroupSpec("late", [new NamedParameter("late", late)]));
        plateau.Step(1);
        plateau.Step(1);
        Assert.Equal([0.5, 0.1], optimizer.Groups.Select(g => Math.Round(g.LearningRate, 6)));
    }

    [Theory]
    [InlineData("position", -3)]
    [InlineData("position", double.NaN)]
    [InlineData("base_rate.0", double.NaN)]
    [InlineData("base_rate.0", -1)]
    [InlineData("base_rate.1", 1)]
    public void AStateThatFitsNoTrainingChangesNothing(string key, double value)
    {
        using var weight = new Parameter(ones(2));
        using var optimizer = Of(weight);
        var schedule = new Scheduler(optimizer, new ExponentialSchedule { Gamma = 0.5 });
        schedule.Step();
        var state = new Dictionary<string, double>(schedule.StateDict()) { [key] = value };
        Assert.Throws<ArgumentException>(() => schedule.LoadStateDict(state));
        Assert.Equal(1, schedule.Position);
        Assert.Equal(1, schedule.StateDict()["base_rate.0"]);
        Assert.Equal(0.5, optimizer.Groups[0].LearningRate);
    }

    [Theory]
    [InlineData("best", double.NaN)]
    [InlineData("bad_steps", 1e300)]
    [InlineData("bad_steps", 1.5)]
    [InlineData("cooldown", -5)]
    [InlineData("rate.0", double.NaN)]
    public void AStateOfAPlateauThatIsNoneChangesNothing(string key, double value)
    {
        using var weight = new Parameter(ones(2));
        using var optimizer = Of(weight);
        var plateau = new PlateauScheduler(optimizer);
        plateau.Step(3);
        var state = new Dictionary<string, double>(plateau.StateDict()) { ["best"] = 2, [key] = value };
        Assert.Throws<ArgumentException>(() => plateau.LoadStateDict(state));
        Assert.Equal(3, plateau.Best);
        Assert.Equal(1, optimizer.Groups[0].LearningRate);
    }

    [Fact]
    public void ARestartFallsOnMultiplesOfAPeriodThatIsNoBinaryFraction()
    {
        using var weight = new Parameter(ones(2));
        using var optimizer = Of(weight);
        var schedule = new Scheduler(optimizer, new CosineRestartsSchedule { FirstPeriod = 0.1 });
        foreach (var position in new[] { 0.1, 0.2, 0.3, 0.6, 0.7, 1.1 })
        {
            schedule.MoveTo(position);
            Assert.Equal(1, optimizer.Groups[0].LearningRate, 9);
        }
    }

    private static Optimizer Of(Parameter weight) =>
        new([new ParameterGroupSpec("first", [new NamedParameter("first", weight)])], new SgdRule { LearningRate = 1 });
}
