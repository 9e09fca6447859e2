using Cresset.Numerics;
using Cresset.Optim;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Laws that hold for every schedule; a new class is found by reflection.</summary>
public sealed class ScheduleLawTests
{
    private static readonly Type[] Types = [.. typeof(LearningRateSchedule).Assembly.GetTypes()
        .Where(t => t.IsSubclassOf(typeof(LearningRateSchedule)) && !t.IsAbstract)];

    public static TheoryData<string> Names => [.. Types.Select(t => t.Name)];

    private static LearningRateSchedule Make(string name) => name switch
    {
        nameof(LambdaSchedule) => new LambdaSchedule(p => 1 / (1 + p)),
        nameof(MultiplicativeSchedule) => new MultiplicativeSchedule(p => 1 / (1 + (p * 1e-3))),
        nameof(ChainedSchedule) =>
            new ChainedSchedule
            {
                Parts = [new LinearSchedule { StartFactor = 0.3, EndFactor = 1, Steps = 5 },
                new CosineSchedule { Steps = 40 }, new ExponentialSchedule()]
            },
        nameof(SequentialSchedule) =>
            new SequentialSchedule
            {
                Parts = [new LinearSchedule { StartFactor = 0.3, EndFactor = 1, Steps = 5 },
                new RexSchedule { Steps = 40 }],
                Milestones = [10]
            },
        _ => ((LearningRateSchedule)Activator.CreateInstance(Types.First(t => t.Name == name))!).Over(300),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void RatesAreFiniteAndNotNegativeFarBeyondTheEnd(string name)
    {
        var schedule = Make(name).ThrowIfInvalid();
        foreach (var position in Enumerable.Range(0, 400).Select(i => (double)i).Concat([1e4, 1e5]))
        {
            var rate = schedule.At(position, 0.1);
            Assert.True(double.IsFinite(rate) && rate >= 0, $"{rate} at {position}");
            if (schedule.MomentumAt(position) is { } momentum) Assert.InRange(momentum, 0, 1);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ASchedulerResumesAnywhereAndStepsBack(string name)
        => Gen.Int[0, 60].Sample(at =>
        {
            using var one = ScheduleReferenceTests.Make(2, true);
            using var two = ScheduleReferenceTests.Make(2, true);
            var (a, b) = (new Scheduler(one, Make(name)), new Scheduler(two, Make(name)));
            for (var i = 0; i < at; i++) a.Step();
            b.MoveTo(75);
            b.LoadStateDict(a.StateDict());
            for (var i = 0; i < 10; i++)
            {
                for (var g = 0; g < 2; g++)
                {
                    Assert.Equal(one.Groups[g].LearningRate, two.Groups[g].LearningRate);
                    Assert.Equal(one.Groups[g].Momentum, two.Groups[g].Momentum);
                }
                a.Step();
                b.Step();
            }
        }, iter: 5, threads: 1);

    [Theory]
    [MemberData(nameof(Names))]
    public void WarmUpRisesToTheScheduleAndThenIsTheSchedule(string name)
    {
        var schedule = Make(name);
        var warm = schedule.WithWarmUp(8, 0.25);
        Assert.Equal(0.25 * schedule.At(0, 0.1), warm.At(0, 0.1), 1e-15);
        for (var t = 1; t <= 8; t++) Assert.True(warm.At(t, 0.1) >= warm.At(t - 1, 0.1));
        for (var t = 0; t < 50; t++) Assert.Equal(schedule.At(t, 0.1), warm.At(t + 8, 0.1), 1e-15);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ChainedAloneItIsItself(string name)
    {
        var schedule = Make(name);
        var chained = new ChainedSchedule { Parts = [Make(name)] };
        for (var t = 0; t < 80; t++) Assert.Equal(schedule.At(t, 0.1), chained.At(t, 0.1), 1e-12);
    }

    [Fact]
    public void AScheduleWithoutALengthSpansTheRunOrIsRefused()
    {
        Assert.Contains("Over(steps)", Assert.Throws<InvalidOperationException>(() => new CosineSchedule().At(3, 0.1)).Message,
            StringComparison.Ordinal);
        Assert.Equal(0, new CosineSchedule().WithWarmUp(10).Over(60).At(60, 0.1), 1e-15);
        Assert.Equal(0.05, new LinearSchedule().Over(100).At(50, 0.1), 1e-15);
        Assert.Equal(7, ((CosineSchedule)new CosineSchedule { Steps = 7 }.Over(60)).Steps);
        Assert.Equal(0.1, new WarmupStableDecaySchedule().Over(1000).At(899, 0.1), 1e-15);
        Assert.Throws<ArgumentOutOfRangeException>(() => new WarmupStableDecaySchedule().Over(100));
    }

    [Theory]
    [InlineData(2, 0.5)]
    [InlineData(10, 0.1)]
    [InlineData(3, 0.2)]
    [InlineData(4, 0.25)]
    public void OneCycleIsFiniteForEverySettingThatIsAllowed(int steps, double part)
    {
        foreach (var three in new[] { false, true })
        {
            var schedule = new OneCycleSchedule { Steps = steps, RisingPart = part, ThreePhase = three }.ThrowIfInvalid();
            for (var t = 0; t < steps + 3; t++)
            {
                Assert.True(double.IsFinite(schedule.At(t, 0.1)), $"{t}");
                Assert.InRange(schedule.MomentumAt(t)!.Value, 0.85, 0.95);
            }
        }
    }

    [Fact]
    public void ARateSetByHandIsTheOneToScale()
    {
        using var sgd = ScheduleReferenceTests.Make(1, false);
        sgd.Groups[0].LearningRate = 0.7;
        var scheduler = new Scheduler(sgd, new LinearSchedule { Steps = 10 });
        Assert.Equal(0.7, sgd.Groups[0].LearningRate);
        scheduler.MoveTo(5);
        Assert.Equal(0.35, sgd.Groups[0].LearningRate, 1e-12);
        _ = new Scheduler(sgd, new ConstantSchedule());
        Assert.Equal(0.7, sgd.Groups[0].LearningRate, 1e-12);
        Assert.Throws<ArgumentOutOfRangeException>(() => sgd.Groups[0].Momentum = double.NaN);
    }

    [Fact]
    public void BadOptionsAreRefused()
    {
        Assert.Throws<InvalidOptionsException>(() => new CosineSchedule { Steps = 0 }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(() => new OneCycleSchedule { RisingPart = 1 }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(
            () => new SequentialSchedule { Parts = [new RexSchedule()], Milestones = [3] }.ThrowIfInvalid());
        using var sgd = ScheduleReferenceTests.Make(1, false);
        Assert.Throws<InvalidOptionsException>(() => new Scheduler(sgd, new StepSchedule { Gamma = -1 }));
        Assert.Throws<ArgumentException>(() => new Scheduler(sgd, new StepSchedule()).LoadStateDict(new Dictionary<string, double>()));
        Assert.Throws<ArgumentNullException>(() => new PlateauScheduler(sgd).Step());
        Assert.Throws<ArgumentOutOfRangeException>(() => new Scheduler(sgd, new StepSchedule()).MoveTo(-1));
    }
}
