using Cresset.Numerics;
using Cresset.Optim;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>Which optimizer and learning-rate schedule to train with: any part of these kinds.</summary>
public sealed record OptimizationOptions : IOptionsRecord
{
    /// <summary>The optimizer with its learning rate and weight decay; biases, norms and embeddings are never decayed.</summary>
    public OptimizerRule Optimizer { get; init; } = new AdamWRule { LearningRate = 1e-3, WeightDecay = 0.01 };

    /// <summary>The schedule of the learning rate; one without a length of its own spans the run after the warm-up.</summary>
    public LearningRateSchedule Schedule { get; init; } = new CosineSchedule();

    /// <summary>Steps of linear warm-up before the schedule.</summary>
    public int WarmupSteps { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Nested(Optimizer)
        .Must(Optimizer is not { NeedsClosure: true }, Optimizer is null ? null : PartCatalog.NameOf(Optimizer.GetType()),
            "an optimizer that steps on one gradient",
            "This one evaluates the loss several times per step; use it in a loop of your own.", nameof(Optimizer))
        .Nested(Schedule)
        .AtLeast(WarmupSteps, 0);

    /// <summary>The optimizer over a module; biases, norms and embeddings are a group without decay.</summary>
    public Optimizer CreateOptimizer(nn.Module module, bool stochasticRounding = false)
    {
        ArgumentNullException.ThrowIfNull(module);
        return new Optimizer(Optimizer.GroupsFor(module, exemptFromDecay: true), Optimizer)
        {
            Rounding = stochasticRounding ? WeightRounding.Stochastic : WeightRounding.Nearest,
        };
    }

    /// <summary>The schedule over <paramref name="steps"/> steps, warm-up included.</summary>
    public Scheduler CreateSchedule(Optimizer optimizer, int steps)
    {
        var schedule = Schedule.Over(Math.Max(1, steps - WarmupSteps));
        // The first step already moves: it has the share that the warm-up would reach after one of its steps.
        return new Scheduler(optimizer, WarmupSteps > 0 ? schedule.WithWarmUp(WarmupSteps, 1.0 / (WarmupSteps + 1)) : schedule);
    }
}
