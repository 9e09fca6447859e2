using System.Text.Json;
using Cresset.Numerics;
using Cresset.Optim;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Schedules of PyTorch, Hugging Face and papers over 60 steps and several groups.</summary>
public sealed class ScheduleReferenceTests
{
    private static readonly ReferenceTensors Reference = new("optim/schedulers_sa.safetensors");

    private static readonly CyclicSchedule Cycle = new()
    {
        BaseRate = 0.01,
        MaxRate = 0.2,
        StepsUp = 8,
        StepsDown = 5,
        Gamma = 0.98,
        BaseMomentum = 0.8,
        MaxMomentum = 0.95
    };

    private static readonly OneCycleSchedule OneCycle = new() { MaxRate = 0.5, Steps = 60 };

    private static readonly Dictionary<string, LearningRateSchedule[]> Cases = new()
    {
        ["lambda"] = [new LambdaSchedule(e => Math.Pow(0.95, e)), new LambdaSchedule(e => 1 / (1 + e))],
        ["multiplicative"] = [new MultiplicativeSchedule(e => e % 2 == 1 ? 0.97 : 0.99)],
        ["step"] = [new StepSchedule { Every = 7, Gamma = 0.5 }],
        ["multistep"] = [new MultiStepSchedule { Milestones = [30, 10, 45], Gamma = 0.3 }],
        ["constant"] = [new ConstantSchedule { StartFactor = 0.25, Steps = 6 }],
        ["constant_default"] = [new ConstantSchedule { StartFactor = 1.0 / 3, Steps = 5 }],
        ["linear"] = [new LinearSchedule { StartFactor = 0.1, EndFactor = 0.8, Steps = 12 }],
        ["linear_default"] = [new LinearSchedule { StartFactor = 1.0 / 3, EndFactor = 1, Steps = 5 }],
        ["exponential"] = [new ExponentialSchedule { Gamma = 0.93 }],
        ["poly_p1"] = [new PolynomialSchedule { Steps = 40 }],
        ["poly_p2.5"] = [new PolynomialSchedule { Steps = 40, Power = 2.5 }],
        ["cosine"] = [new CosineSchedule { Steps = 20, EndRate = 1e-3, Periodic = true }],
        ["cosine_restarts_10_1"] = [new CosineRestartsSchedule { FirstPeriod = 10 }],
        ["cosine_restarts_5_2"] = [new CosineRestartsSchedule { FirstPeriod = 5, Growth = 2, EndRate = 1e-3 }],
        ["chained"] =
            [new ChainedSchedule { Parts = [new ConstantSchedule { StartFactor = 0.1, Steps = 4 },
                new ExponentialSchedule { Gamma = 0.9 }] }],
        ["seq_lin_cos"] =
            [new SequentialSchedule { Parts = [new LinearSchedule { StartFactor = 0.01, EndFactor = 1, Steps = 10 },
                new CosineSchedule { Steps = 50, EndRate = 1e-4, Periodic = true }], Milestones = [10] }],
        ["seq_const_exp"] =
            [new SequentialSchedule { Parts = [new ConstantSchedule { StartFactor = 0.1, Steps = 2 },
                new ExponentialSchedule { Gamma = 0.9 }], Milestones = [5] }],
        ["seq_3"] =
            [new SequentialSchedule { Parts = [new LinearSchedule { StartFactor = 0.1, EndFactor = 1, Steps = 5 }, ConstantSchedule.Flat,
                new CosineSchedule { Steps = 20 }], Milestones = [5, 40] }],
        ["cyclic_triangular"] = [Cycle],
        ["cyclic_triangular2"] = [Cycle with { Mode = CycleMode.Triangular2 }],
        ["cyclic_exp_range"] = [Cycle with { Mode = CycleMode.ExpRange }],
        ["cyclic_scalefn_iter"] =
            [new CyclicSchedule { BaseRate = 0.01, MaxRate = 0.2, StepsUp = 8, Scale = x => 1 / (1 + (0.1 * x)), ScaleBySteps = true,
                CycleMomentum = false }],
        ["cyclic_adam"] = [new CyclicSchedule { BaseRate = 0.01, MaxRate = 0.2, StepsUp = 8 }],
        ["onecycle_cos"] = [OneCycle],
        ["onecycle_cos_2g"] = [OneCycle, OneCycle with { MaxRate = 0.3 }],
        ["onecycle_cos_3g"] = [OneCycle with { RisingPart = 0.25 }, OneCycle with { MaxRate = 0.3, RisingPart = 0.25 },
            OneCycle with { MaxRate = 0.2, RisingPart = 0.25 }],
        ["onecycle_linear"] = [OneCycle with { Shape = AnnealShape.Linear, StartDivisor = 10, EndDivisor = 100 }],
        ["onecycle_3phase_2g"] = [OneCycle with { ThreePhase = true }],
        ["onecycle_adam"] = [OneCycle],
        ["swalr_cos"] = [new SwaSchedule { Rate = 0.02 }],
        ["swalr_lin"] = [new SwaSchedule { Rate = 0.02, Steps = 8, Shape = AnnealShape.Linear }],
        ["hf_linear_warmup"] = [new PolynomialSchedule { Steps = 54 }.WithWarmUp(6)],
        ["hf_cosine_warmup"] = [new CosineSchedule { Steps = 54 }.WithWarmUp(6)],
        ["hf_cosine_hard_restarts_3"] = [new CosineRestartsSchedule { FirstPeriod = 18, Periods = 3 }.WithWarmUp(6)],
        ["hf_cosine_min0.1"] = [new CosineSchedule { Steps = 54, EndFactor = 0.1 }.WithWarmUp(6)],
        ["hf_poly_p2_end1e-3"] = [new PolynomialSchedule { Steps = 54, Power = 2, EndRate = 1e-3 }.WithWarmUp(6)],
        ["hf_inverse_sqrt"] = [new InverseSqrtSchedule { TimeScale = 6 }.WithWarmUp(6)],
        ["wsd_cosine_6_34_20"] = [Wsd(DecayShape.Cosine)],
        ["wsd_linear_6_34_20"] = [Wsd(DecayShape.Linear)],
        ["wsd_1-sqrt_6_34_20"] = [Wsd(DecayShape.OneMinusSqrt)],
        ["noam_d512_w6"] = [new NoamSchedule { ModelWidth = 512, WarmUpSteps = 6, Scale = 10 }],
        ["rex"] = [new RexSchedule { Steps = 60 }],
        ["rm_1_over_t"] = [new StepSizeSchedule { Rule = StepSizeRule.SampleMean }],
        ["rm_power_.75"] = [new StepSizeSchedule { Rule = StepSizeRule.Power(0.1, 0.75), Absolute = true }],
    };

    public static TheoryData<string> Names => [.. Cases.Keys.Append("multistep_dup")];

    private static WarmupStableDecaySchedule Wsd(DecayShape shape) =>
        new() { WarmUpSteps = 6, StableSteps = 34, DecaySteps = 20, Shape = shape };

    [Theory]
    [MemberData(nameof(Names))]
    public void RatesAgree(string name)
    {
        var schedules = name == "multistep_dup" ? [DuplicateMilestones()] : Cases[name];
        var groups = (int)Reference.Shape(name + "/lr")[1];
        using var optimizer = Make(groups, name.EndsWith("adam", StringComparison.Ordinal));
        var scheduler = new Scheduler(optimizer, schedules);
        var (rates, momentum) = (Reference[name + "/lr"], Reference.Names.Contains(name + "/mom") ? Reference[name + "/mom"] : null);
        for (var t = 0; t < 60; t++)
        {
            for (var g = 0; g < groups; g++)
            {
                Assert.Equal(rates[(t * groups) + g], optimizer.Groups[g].LearningRate, 1e-12);
                if (momentum is not null) Assert.Equal(momentum[(t * groups) + g], optimizer.Groups[g].Momentum!.Value, 1e-12);
            }
            scheduler.Step();
        }
    }

    [Fact]
    public void FractionalPositions()
    {
        using var optimizer = Make(1, false);
        var scheduler = new Scheduler(optimizer, new CosineRestartsSchedule { FirstPeriod = 3, Growth = 2 });
        var expected = Reference["cosine_restarts_fractional/lr"];
        for (var i = 0; i < 60; i++)
        {
            scheduler.MoveTo((i / 5) + (i % 5 / 5.0));
            Assert.Equal(expected[i], optimizer.Groups[0].LearningRate, 1e-12);
        }
    }

    [Theory]
    [InlineData("plateau_min")]
    [InlineData("plateau_max")]
    [InlineData("plateau_min_cooldown_abs")]
    public void Plateau(string name)
    {
        var options = name switch
        {
            "plateau_min" => new PlateauOptions { Factor = 0.5, Patience = 3 },
            "plateau_max" => new PlateauOptions { Factor = 0.5, Patience = 3, Cooldown = 1, Maximize = true },
            _ => new PlateauOptions
            {
                Factor = 0.3,
                Patience = 4,
                Cooldown = 2,
                Threshold = 0.05,
                AbsoluteThreshold = true,
                MinRate = 1e-3
            },
        };
        var groups = (int)Reference.Shape(name + "/lr")[1];
        using var optimizer = Make(groups, false);
        var scheduler = new PlateauScheduler(optimizer, options);
        var (rates, metric) = (Reference[name + "/lr"], Reference["plateau/metric"]);
        for (var t = 0; t < 60; t++)
        {
            for (var g = 0; g < groups; g++) Assert.Equal(rates[(t * groups) + g], optimizer.Groups[g].LearningRate, 1e-12);
            scheduler.Step(name == "plateau_max" ? 1 - metric[t] : metric[t]);
        }
    }

    [Fact]
    public void TheOtherReferenceSet()
    {
        var cases = JsonDocument.Parse(File.ReadAllText(Repository.Reference("optim/torchsharp-cases.json"))).RootElement.EnumerateArray()
            .ToDictionary(c => c.GetProperty("case").GetString()!,
                c => c.GetProperty("expected").EnumerateArray().Select(e => e.GetDouble()).ToArray());
        var schedules = new Dictionary<string, (LearningRateSchedule Schedule, double Base)>
        {
            ["lr.step"] = (new StepSchedule { Every = 5, Gamma = 0.5 }, 1),
            ["lr.multistep"] = (new MultiStepSchedule { Milestones = [3, 9], Gamma = 0.5 }, 1),
            ["lr.exp"] = (new ExponentialSchedule { Gamma = 0.9 }, 1),
            ["lr.const"] = (new ConstantSchedule { StartFactor = 0.5, Steps = 4 }, 1),
            ["lr.linear"] = (new LinearSchedule { StartFactor = 0.1, EndFactor = 1, Steps = 6 }, 1),
            ["lr.poly"] = (new PolynomialSchedule { Steps = 10, Power = 2 }, 1),
            ["lr.cos"] = (new CosineSchedule { Steps = 10, EndRate = 0.1, Periodic = true }, 1),
            ["lr.onecycle"] = (new OneCycleSchedule { MaxRate = 1, Steps = 24 }, 0.1),
            ["lr.cyclic"] = (new CyclicSchedule { BaseRate = 0.1, MaxRate = 1, StepsUp = 4, StepsDown = 6 }, 0.1),
            ["lr.lambda"] = (new LambdaSchedule(e => Math.Pow(0.95, e)), 1),
            ["lr.mult"] = (new MultiplicativeSchedule(_ => 0.95), 1),
            ["lr.seq"] =
                (new SequentialSchedule
                {
                    Parts = [new LinearSchedule { StartFactor = 0.1, EndFactor = 1, Steps = 5 },
                    new CosineSchedule { Steps = 15, Periodic = true }],
                    Milestones = [5]
                }, 1),
            ["lr.chained"] =
                (new ChainedSchedule
                {
                    Parts = [new ExponentialSchedule { Gamma = 0.9 },
                    new ConstantSchedule { StartFactor = 0.5, Steps = 4 }]
                }, 1),
        };
        foreach (var (name, (schedule, rate)) in schedules)
        {
            var got = schedule.Take(24, rate);
            for (var t = 0; t < 24; t++)
                Assert.True(Math.Abs(cases[name][t] - got[t]) < 1e-12, $"{name} at {t}: {got[t]}, expected {cases[name][t]}");
        }
    }

    [Fact]
    public void ChainsAndSequences()
    {
        var expected = JsonDocument.Parse(File.ReadAllText(Repository.Reference("optim/chained_schedules.json"))).RootElement;
        var cases = new Dictionary<string, LearningRateSchedule>
        {
            ["lin_cos"] =
                new ChainedSchedule
                {
                    Parts = [new LinearSchedule { StartFactor = 0.1, EndFactor = 1, Steps = 5 },
                    new CosineSchedule { Steps = 20, EndRate = 1e-3, Periodic = true }]
                },
            ["poly_exp"] =
                new ChainedSchedule { Parts = [new PolynomialSchedule { Steps = 10, Power = 2 }, new ExponentialSchedule { Gamma = 0.9 }] },
            ["exp_poly"] =
                new ChainedSchedule { Parts = [new ExponentialSchedule { Gamma = 0.9 }, new PolynomialSchedule { Steps = 30, Power = 2 }] },
            ["const_step_multi"] =
                new ChainedSchedule
                {
                    Parts = [new ConstantSchedule { StartFactor = 0.5, Steps = 4 },
                    new StepSchedule { Every = 7, Gamma = 0.5 }, new MultiStepSchedule { Milestones = [3, 9, 9], Gamma = 0.7 }]
                },
            ["cos_warm"] =
                new SequentialSchedule
                {
                    Parts = [new LinearSchedule { StartFactor = 0.1, EndFactor = 1, Steps = 4 },
                    new CosineRestartsSchedule { FirstPeriod = 5, Growth = 2, EndRate = 1e-3 }],
                    Milestones = [4]
                },
            ["seq_step_poly"] =
                new SequentialSchedule
                {
                    Parts = [new StepSchedule { Every = 2, Gamma = 0.5 },
                    new PolynomialSchedule { Steps = 20, Power = 1.5 }],
                    Milestones = [8]
                },
        };
        foreach (var (name, schedule) in cases)
        {
            var rates = expected.GetProperty(name).EnumerateArray().Select(e => e.GetDouble()).ToArray();
            var got = schedule.Take(40, 0.1);
            for (var t = 0; t < 40; t++) Assert.True(Math.Abs(rates[t] - got[t]) < 1e-12, $"{name} at {t}: {got[t]}, expected {rates[t]}");
        }
    }

    internal static Optimizer Make(int groups, bool adam)
    {
        var specs = Enumerable.Range(0, groups)
            .Select(g => new ParameterGroupSpec($"g{g}", [new NamedParameter($"p{g}", new Parameter(zeros(1)))], 0.1 * (g + 1))).ToArray();
        return adam ? new Optimizer(specs, new AdamRule()) : new Optimizer(specs, new SgdRule { Momentum = 0.9 });
    }

    private static MultiStepSchedule DuplicateMilestones() => new() { Milestones = [10, 10, 20], Gamma = 0.5 };
}
