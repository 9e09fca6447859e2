using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>A figure that a run must come near: printed beside the measured one.</summary>
/// <param name="Metric">Name of the run's figure.</param>
/// <param name="Value">What the book (or an independent simulator with the book's settings) has.</param>
/// <param name="Tolerance">How far the measured one may be off, standard errors of the measurement not counted.</param>
public sealed record BookFigure(string Metric, double Value, double Tolerance);

/// <summary>What to solve and how: the options of <c>cresset rl solve</c> and of the recipes that solve one environment.</summary>
public sealed record RlSolveOptions : IOptionsRecord
{
    /// <summary>The environment, as in <c>cresset rl envs</c>.</summary>
    public EnvironmentSource Environment { get; init; } = new ZhaoGridSource();

    /// <summary>The planner or learner (cresset list --rl-methods).</summary>
    public RlMethod Algorithm { get; init; } = new ValueIterationPlanner();

    /// <summary>Discount factor in [0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <summary>Step-size rule in k, such as 0.1, 1/k or 10/(k+100)^0.6.</summary>
    public string Alpha { get; init; } = "0.1";

    /// <summary>Share of random actions.</summary>
    public double Epsilon { get; init; } = 0.1;

    /// <summary>How equal action values are told apart.</summary>
    public TieBreaking Ties { get; init; } = TieBreaking.Random;

    /// <summary>
    /// Another rule of exploration (boltzmann, ucb, or one of your own); null is epsilon-greedy with <see cref="Epsilon"/> and
    /// <see cref="Ties"/>.
    /// </summary>
    public Exploration? Exploration { get; init; }

    /// <summary>Change of the values at which planning stops.</summary>
    public double Tolerance { get; init; } = 1e-12;

    /// <summary>Most sweeps or rounds of a planner.</summary>
    public int MaxIterations { get; init; } = 100_000;

    /// <summary>Episodes of learning.</summary>
    public int Episodes { get; init; } = 500;

    /// <summary>Steps after which an episode is cut; 0 leaves it to the environment.</summary>
    public int EpisodeLength { get; init; }

    /// <summary>Repetitions with other seeds, for the band of the learning curve.</summary>
    public int Seeds { get; init; } = 5;

    /// <summary>First seed.</summary>
    public int Seed { get; init; }

    /// <summary>The book's state values, one per state and rounded as printed; empty for none.</summary>
    public IReadOnlyList<double> BookValues { get; init; } = [];

    /// <summary>The book's figures to compare with.</summary>
    public IReadOnlyList<BookFigure> Book { get; init; } = [];

    /// <summary>The name of <see cref="Algorithm"/>.</summary>
    internal string Method => PartCatalog.NameOf(Algorithm.GetType()) ?? Algorithm.GetType().Name;

    /// <summary>Discount, step sizes and behaviour of learners.</summary>
    internal ControlOptions Control => new() { Gamma = Gamma, StepSize = StepSize(), Exploration = Behaviour };

    /// <summary>The behaviour of learners.</summary>
    internal Exploration Behaviour => Exploration ?? new Exploration { Epsilon = Epsilon, Ties = Ties };

    /// <summary>The step sizes.</summary>
    /// <exception cref="FormatException">The formula cannot be read.</exception>
    public StepSizeRule StepSize() => StepSizeRule.Parse(Alpha);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Environment is not null, Environment, "an environment (cresset rl envs)")
        .Nested(Environment)
        .Must(Algorithm is not null, Algorithm, "a planner or learner (cresset list --rl-methods)")
        .Nested(Algorithm)
        .Within(Gamma, 0, 1)
        .Must(IsFormula(Alpha), Alpha, "a positive step size or a formula in k such as 0.1, 1/k or 10/(k+100)^0.6")
        .Within(Epsilon, 0, 1)
        .Defined(Ties)
        .Nested(Exploration)
        .Must(Exploration is not { CountsVisits: true } || Algorithm is not TileLearner, Exploration,
            "a rule that counts no visits: tiles have no table of states", field: nameof(Exploration))
        .AtLeast(Tolerance, 0.0)
        .AtLeast(MaxIterations, 1)
        .AtLeast(Episodes, 1)
        .AtLeast(EpisodeLength, 0)
        .AtLeast(Seeds, 1)
        .AtLeast(Seed, 0);

    /// <summary>Whether the text is a valid step-size rule.</summary>
    internal static bool IsFormula(string text)
    {
        try
        {
            return !StepSizeRule.Parse(text).Validate().Any();
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return false;
        }
    }
}
