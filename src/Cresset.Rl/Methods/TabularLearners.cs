using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Monte Carlo control whose episodes begin anywhere, with means of returns for step sizes and no exploration of its own.
/// </summary>
[Part("mc-exploring-starts", "Sutton and Barto 2018, section 5.3")]
public sealed record ExploringStartsLearner : TabularLearner
{
    /// <inheritdoc/>
    public override bool ExploresStarts => true;

    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        var options = place.Options with { StepSize = StepSizeRule.SampleMean, Exploration = Exploration.None };
        return new MonteCarloControl(place.States, place.Actions, options, isAvailable: place.IsAvailable);
    }
}

/// <summary>Monte Carlo control along an exploring policy.</summary>
[Part("mc-epsilon-greedy", "Sutton and Barto 2018, section 5.4")]
public sealed record MonteCarloLearner : TabularLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new MonteCarloControl(place.States, place.Actions, place.Options, isAvailable: place.IsAvailable);
    }
}

/// <summary>Sarsa: the target is the action that is taken next.</summary>
[Part("sarsa", "Rummery and Niranjan 1994")]
public sealed record SarsaLearner : TabularLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new Sarsa(place.States, place.Actions, place.Options, place.IsAvailable);
    }
}

/// <summary>Expected Sarsa: the target is the mean over the policy's actions.</summary>
[Part("expected-sarsa", "van Seijen et al. 2009")]
public sealed record ExpectedSarsaLearner : TabularLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new ExpectedSarsa(place.States, place.Actions, place.Options, place.IsAvailable);
    }
}

/// <summary>Q-learning: the target is the best next action.</summary>
[Part("q-learning", "Watkins 1989")]
public sealed record QLearningLearner : TabularLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new QLearning(place.States, place.Actions, place.Options, place.IsAvailable);
    }
}

/// <summary>Double Q-learning: one table chooses the best action, the other values it.</summary>
[Part("double-q-learning", "van Hasselt 2010")]
public sealed record DoubleQLearningLearner : TabularLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new DoubleQLearning(place.States, place.Actions, place.Random, place.Options, place.IsAvailable);
    }
}

/// <summary>A learner whose targets span several steps.</summary>
public abstract record NStepLearner : TabularLearner
{
    /// <summary>Steps of the target.</summary>
    public int N { get; init; } = 4;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(N, 1);

    private protected NStepControl Make(LearnerPlace place, NStepKind kind, double sigma = 1)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new NStepControl(place.States, place.Actions, N, kind, place.Options, place.IsAvailable, sigma);
    }
}

/// <summary>Sarsa over several steps.</summary>
[Part("n-step-sarsa", "Sutton and Barto 2018, section 7.2")]
public sealed record NStepSarsaLearner : NStepLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place) => Make(place, NStepKind.Sarsa);
}

/// <summary>Tree backup over several steps, off policy without importance sampling.</summary>
[Part("tree-backup", "Precup et al. 2000")]
public sealed record TreeBackupLearner : NStepLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place) => Make(place, NStepKind.TreeBackup);
}

/// <summary>Q(sigma): between Sarsa and tree backup over several steps.</summary>
[Part("q-sigma", "De Asis et al. 2018")]
public sealed record QSigmaLearner : NStepLearner
{
    /// <summary>1 samples as Sarsa does, 0 takes the mean as tree backup does.</summary>
    public double Sigma { get; init; } = 0.5;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(N, 1).Within(Sigma, 0, 1);

    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place) => Make(place, NStepKind.QSigma, Sigma);
}

/// <summary>A learner with eligibility traces.</summary>
public abstract record TraceLearner : TabularLearner
{
    /// <summary>Trace parameter in [0, 1].</summary>
    public double Lambda { get; init; } = 0.9;

    /// <summary>Kind of traces.</summary>
    public TraceKind Trace { get; init; } = TraceKind.Replacing;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Lambda, 0, 1).Defined(Trace);
}

/// <summary>Sarsa with traces.</summary>
[Part("sarsa-lambda", "Rummery and Niranjan 1994")]
public sealed record SarsaLambdaLearner : TraceLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new SarsaLambda(place.States, place.Actions, Lambda, Trace, place.Options, place.IsAvailable);
    }
}

/// <summary>Q-learning with traces that end where the policy explores.</summary>
[Part("q-lambda", "Watkins 1989")]
public sealed record QLambdaLearner : TraceLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new WatkinsQLambda(place.States, place.Actions, Lambda, Trace, place.Options, place.IsAvailable);
    }
}

/// <summary>A learner that imagines further steps from a model it learns.</summary>
public abstract record ImaginingLearner : TabularLearner
{
    /// <summary>Imagined steps for each real one.</summary>
    public int PlanningSteps { get; init; } = 10;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => Checks;

    private protected OptionChecks Checks => new OptionChecks().AtLeast(PlanningSteps, 0);
}

/// <summary>Dyna-Q: Q-learning that repeats remembered steps.</summary>
[Part("dyna-q", "Sutton 1990")]
public sealed record DynaQLearner : ImaginingLearner
{
    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new DynaQ(place.States, place.Actions, PlanningSteps, place.Random, 0, place.Options, place.IsAvailable);
    }
}

/// <summary>Dyna-Q+: Dyna-Q with a bonus for what was not tried for long.</summary>
[Part("dyna-q-plus", "Sutton 1990")]
public sealed record DynaQPlusLearner : ImaginingLearner
{
    /// <summary>Weight of the bonus, times the root of the steps since the last trial.</summary>
    public double Bonus { get; init; } = 1e-3;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => Checks.AtLeast(Bonus, 0.0);

    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new DynaQ(place.States, place.Actions, PlanningSteps, place.Random, Bonus, place.Options, place.IsAvailable);
    }
}

/// <summary>Prioritized sweeping: imagined steps where they change most, backwards from surprises.</summary>
[Part("prioritized-sweeping", "Moore and Atkeson 1993")]
public sealed record PrioritizedSweepingLearner : ImaginingLearner
{
    /// <summary>Changes below this are not followed.</summary>
    public double Threshold { get; init; } = 1e-4;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => Checks.AtLeast(Threshold, 0.0);

    /// <inheritdoc/>
    public override ActionValueLearner Build(LearnerPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return new PrioritizedSweeping(place.States, place.Actions, PlanningSteps, Threshold, place.Options, place.IsAvailable);
    }
}

/// <summary>Semi-gradient Sarsa over several steps with tiles.</summary>
[Part("sarsa-tiles", "Sutton and Barto 2018, section 10.1")]
public sealed record TileSarsaLearner : TileLearner
{
    /// <summary>Steps of the target.</summary>
    public int N { get; init; } = 4;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(N, 1);

    /// <inheritdoc/>
    public override SparseControlOptions Options(ControlOptions control) => Common(control) with { Steps = N };
}

/// <summary>Semi-gradient Sarsa with traces over tiles.</summary>
[Part("sarsa-lambda-tiles", "Sutton and Barto 2018, section 12.7")]
public sealed record TileSarsaLambdaLearner : TileLearner
{
    /// <summary>Trace parameter in [0, 1].</summary>
    public double Lambda { get; init; } = 0.9;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Lambda, 0, 1);

    /// <inheritdoc/>
    public override SparseControlOptions Options(ControlOptions control) => Common(control) with { Lambda = Lambda };
}
