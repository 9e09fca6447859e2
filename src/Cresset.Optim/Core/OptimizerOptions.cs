using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>What the options of every optimizer share. A parameter group may carry its own record; learning rate and weight decay can also be set per group.</summary>
public abstract record OptimizerOptions : IOptionsRecord
{
    /// <summary>Step size, at least 0. Schedules change it per group.</summary>
    public double LearningRate { get; init; }

    /// <summary>Weight decay, at least 0; each optimizer says whether it is coupled (an L2 term in the gradient) or decoupled (a direct shrinking of the weights).</summary>
    public double WeightDecay { get; init; }

    /// <summary>Climb instead of descend: the gradient is negated before anything else, the decay keeps its sign.</summary>
    public bool Maximize { get; init; }

    /// <summary>The number that momentum cycling changes (momentum, or Adam's first beta); null when there is none.</summary>
    internal virtual double? CycledMomentum => null;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks()
            .AtLeast(LearningRate, 0.0, "The usual range is 1e-5 to 1.")
            .AtLeast(WeightDecay, 0.0, "Decay shrinks weights: give its size without a sign.");
        Check(checks);
        return checks;
    }

    /// <summary>Adds the checks of the options of one optimizer.</summary>
    protected abstract void Check(OptionChecks checks);
}
