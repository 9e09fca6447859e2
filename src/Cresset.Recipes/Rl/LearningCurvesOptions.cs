using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>What of an episode is drawn.</summary>
public enum EpisodeMeasure
{
    /// <summary>The sum of its rewards.</summary>
    Return,

    /// <summary>Its number of steps.</summary>
    Length,

    /// <summary>Whether it had more than one step: the share of episodes that go left in the maximization-bias example.</summary>
    MoreThanOneStep,
}

/// <summary>A method whose learning is drawn.</summary>
/// <param name="Label">Name in the legend.</param>
/// <param name="Algorithm">One of the learners of <see cref="RlSolveOptions"/>.</param>
/// <param name="Alpha">Step-size rule.</param>
/// <param name="N">Steps of n-step methods, imagined steps of Dyna; 1 (or 0 for Dyna) elsewhere.</param>
public sealed record CurveMethod(string Label, string Algorithm, string Alpha, int N);

/// <summary>The book's mean over some episodes of a method.</summary>
/// <param name="Label">The method.</param>
/// <param name="From">First episode, from 1.</param>
/// <param name="To">Last episode.</param>
/// <param name="Value">The book's value.</param>
/// <param name="Tolerance">How far the measured one may be off, standard errors not counted.</param>
public sealed record BookWindow(string Label, int From, int To, double Value, double Tolerance);

/// <summary>Learning curves of several methods on one environment, with bands over many runs.</summary>
public sealed record LearningCurvesOptions : IOptionsRecord
{
    /// <summary>The environment, as in <c>cresset rl envs</c>.</summary>
    public EnvironmentSource Environment { get; init; } = new CliffWalkingSource();

    /// <summary>The methods.</summary>
    public IReadOnlyList<CurveMethod> Methods { get; init; } = [new("Sarsa", "sarsa", "0.5", 1), new("Q-learning", "q-learning", "0.5", 1)];

    /// <summary>What is drawn.</summary>
    public EpisodeMeasure Measure { get; init; }

    /// <summary>Episodes of a run.</summary>
    public int Episodes { get; init; } = 500;

    /// <summary>Steps after which an episode is cut; 0 leaves it to the environment.</summary>
    public int EpisodeLength { get; init; }

    /// <summary>Runs of each method.</summary>
    public int Runs { get; init; } = 50;

    /// <summary>Seed of the first run.</summary>
    public int Seed { get; init; }

    /// <summary>Discount factor in [0, 1].</summary>
    public double Gamma { get; init; } = 1;

    /// <summary>Share of random actions.</summary>
    public double Epsilon { get; init; } = 0.1;

    /// <summary>Trace parameter of methods with traces.</summary>
    public double Lambda { get; init; } = 0.9;

    /// <summary>How equal action values are told apart.</summary>
    public TieBreaking Ties { get; init; } = TieBreaking.Random;

    /// <summary>Episodes of the moving mean that is drawn.</summary>
    public int Window { get; init; } = 10;

    /// <summary>Logarithmic vertical axis.</summary>
    public bool LogY { get; init; }

    /// <summary>Ends of the vertical axis; null for what the curves need.</summary>
    public (double Low, double High)? YRange { get; init; }

    /// <summary>The book's figures to compare with.</summary>
    public IReadOnlyList<BookWindow> Book { get; init; } = [];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks()
            .Must(Environment is not null, Environment, "an environment (cresset rl envs)")
            .Nested(Environment)
            .Must(Methods.Count > 0, Methods.Count, "at least one method", field: nameof(Methods))
            .Must(Methods.Select(m => m.Label).Distinct().Count() == Methods.Count, string.Join(", ", Methods.Select(m => m.Label)), "labels that differ", field: nameof(Methods))
            .Defined(Measure)
            .AtLeast(Episodes, 1)
            .AtLeast(EpisodeLength, 0)
            .AtLeast(Runs, 1)
            .AtLeast(Seed, 0)
            .Within(Gamma, 0, 1)
            .Within(Epsilon, 0, 1)
            .Within(Lambda, 0, 1)
            .Defined(Ties)
            .Within(Window, 1, Episodes)
            .Must(YRange is not { } y || y.Low < y.High, YRange, "a low end below the high end", field: nameof(YRange));
        foreach (var method in Methods)
        {
            checks.Must(RlSolveOptions.Learners.Contains(method.Algorithm) && method.Algorithm != "mc-exploring-starts", method.Algorithm, "a learner that plays episodes: " + string.Join(", ", RlSolveOptions.Learners.Where(l => l != "mc-exploring-starts")), NearestName.Suggest(method.Algorithm, RlSolveOptions.Learners).Trim(), $"{nameof(Methods)}.{nameof(CurveMethod.Algorithm)}");
            checks.Must(RlSolveOptions.IsFormula(method.Alpha), method.Alpha, "a positive step size or a formula in k", field: $"{nameof(Methods)}.{nameof(CurveMethod.Alpha)}");
            checks.Must(method.N >= (method.Algorithm.StartsWith("dyna", StringComparison.Ordinal) ? 0 : 1), method.N, "at least 1 (0 for Dyna)", field: $"{nameof(Methods)}.{nameof(CurveMethod.N)}");
        }
        foreach (var window in Book)
        {
            checks.Must(window.From >= 1 && window.To >= window.From, $"{window.From} to {window.To}", "episodes from 1 up", field: nameof(Book));
            checks.Must(Methods.Any(m => m.Label == window.Label), window.Label, "a method's label", field: nameof(Book));
        }
        return checks;
    }

    /// <summary>A method as options of a solver.</summary>
    internal RlSolveOptions Solve(CurveMethod method) => new()
    {
        Environment = Environment,
        Algorithm = method.Algorithm,
        Alpha = method.Alpha,
        N = Math.Max(1, method.N),
        PlanningSteps = method.N,
        Gamma = Gamma,
        Epsilon = Epsilon,
        Lambda = Lambda,
        Ties = Ties,
        Episodes = Episodes,
        EpisodeLength = EpisodeLength,
        Seeds = 1,
    };
}
