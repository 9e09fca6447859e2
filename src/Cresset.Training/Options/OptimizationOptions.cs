using Cresset.Numerics;
using Cresset.Optim;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>Which optimizer and learning-rate schedule to train with.</summary>
public sealed record OptimizationOptions : IOptionsRecord
{
    /// <summary>Names of the optimizers.</summary>
    public static IReadOnlyList<string> Optimizers { get; } = ["adamw", "adam", "sgd"];

    /// <summary>Names of the schedules.</summary>
    public static IReadOnlyList<string> Schedules { get; } = ["constant", "cosine", "linear", "one-cycle"];

    /// <summary>adamw, adam or sgd.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>Highest learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Weight decay; biases, norms and embeddings are never decayed.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>First-moment decay of the Adam family.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Second-moment decay of the Adam family.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Momentum of SGD.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>constant, cosine, linear or one-cycle.</summary>
    public string Schedule { get; init; } = "cosine";

    /// <summary>Steps of linear warm-up from 0.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>Last learning rate as a share of the highest.</summary>
    public double FinalShare { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .OneOf(Optimizer, Optimizers)
        .Positive(LearningRate)
        .AtLeast(WeightDecay, 0)
        .Within(Beta1, 0, 1, includeMax: false)
        .Within(Beta2, 0, 1, includeMax: false)
        .Within(Momentum, 0, 1, includeMax: false)
        .OneOf(Schedule, Schedules)
        .AtLeast(WarmupSteps, 0)
        .Within(FinalShare, 0, 1);

    /// <summary>The optimizer over a module; biases, norms and embeddings are a group without decay.</summary>
    public Optimizer CreateOptimizer(nn.Module module, bool stochasticRounding = false)
    {
        var groups = ParameterGroups.NoDecayForBiasesAndNorms(module);
        var rounding = stochasticRounding ? WeightRounding.Stochastic : WeightRounding.Nearest;
        return Optimizer switch
        {
            "adamw" => new Optimizer(groups, new AdamWRule { LearningRate = LearningRate, WeightDecay = WeightDecay, Beta1 = Beta1, Beta2 = Beta2 }) { Rounding = rounding },
            "adam" => new Optimizer(groups, new AdamRule { LearningRate = LearningRate, WeightDecay = WeightDecay, Beta1 = Beta1, Beta2 = Beta2 }) { Rounding = rounding },
            _ => new Optimizer(groups, new SgdRule { LearningRate = LearningRate, WeightDecay = WeightDecay, Momentum = Momentum }) { Rounding = rounding },
        };
    }

    /// <summary>The schedule over <paramref name="steps"/> steps, warm-up included.</summary>
    public Scheduler CreateSchedule(Optimizer optimizer, int steps)
    {
        double rest = Math.Max(1, steps - WarmupSteps);
        LearningRateSchedule schedule = Schedule switch
        {
            "cosine" => new CosineSchedule { Steps = rest, EndFactor = FinalShare },
            "linear" => new LinearSchedule { StartFactor = 1, EndFactor = FinalShare, Steps = rest },
            "one-cycle" => new OneCycleSchedule { MaxRate = LearningRate, Steps = Math.Max(2, rest), CycleMomentum = false },
            _ => ConstantSchedule.Flat,
        };
        return new Scheduler(optimizer, WarmupSteps > 0 ? schedule.WithWarmUp(WarmupSteps, 1.0 / (WarmupSteps + 1)) : schedule);
    }
}
