using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// A way to solve an environment, by name: a <see cref="Planner"/> works on a known model, a <see cref="TabularLearner"/> learns a table
/// from steps, a
/// <see cref="TileLearner"/> weights of tiles. Its options are those that no other kind of method shares; discount, step sizes and
/// behaviour come with the work.
/// </summary>
[PartKind("rl-method")]
public abstract record RlMethod : IOptionsRecord
{
    private protected RlMethod()
    {
    }

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>What a planner found.</summary>
/// <param name="Result">Values and actions.</param>
/// <param name="AverageReward">The best average reward of a step, of planners that look for it; null of others.</param>
public sealed record Plan(PlanningResult Result, double? AverageReward = null);

/// <summary>A method that plans with a known model. One of your own derives from it.</summary>
public abstract record Planner : RlMethod
{
    /// <summary>Plans.</summary>
    /// <param name="world">The environment with its model.</param>
    /// <param name="options">Discount, tolerance, most sweeps, who watches.</param>
    /// <param name="cancellation">Stops between sweeps.</param>
    public abstract Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default);
}

/// <summary>What a learner of tables is made for.</summary>
/// <param name="States">Number of states.</param>
/// <param name="Actions">Number of actions.</param>
/// <param name="Options">Discount, step sizes, behaviour.</param>
/// <param name="IsAvailable">Which actions exist in which states; null for all.</param>
/// <param name="Random">Coins and imagined steps.</param>
public sealed record LearnerPlace(int States, int Actions, ControlOptions Options, Func<int, int, bool>? IsAvailable, RandomStream Random);

/// <summary>A method that learns action values of a table from steps. One of your own derives from it.</summary>
public abstract record TabularLearner : RlMethod
{
    /// <summary>
    /// True for a method that begins its episodes in any state with any action, which needs a world that can be put there.
    /// </summary>
    public virtual bool ExploresStarts => false;

    /// <summary>Makes the learner.</summary>
    public abstract ActionValueLearner Build(LearnerPlace place);
}

/// <summary>A method that learns weights of tiles from steps in a world of two numbers, such as the mountain car.</summary>
public abstract record TileLearner : RlMethod
{
    /// <summary>The learner's options, with these for discount, step sizes and behaviour.</summary>
    public abstract SparseControlOptions Options(ControlOptions control);

    private protected static SparseControlOptions Common(ControlOptions control)
    {
        ArgumentNullException.ThrowIfNull(control);
        return new() { Gamma = control.Gamma, StepSize = control.StepSize, Exploration = control.Exploration };
    }
}
