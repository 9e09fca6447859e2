using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>What of an episode is drawn.</summary>
internal enum EpisodeMeasure
{
    /// <summary>The sum of its rewards.</summary>
    Return,

    /// <summary>Its number of steps.</summary>
    Length,

    /// <summary>Whether it had more than one step: the share of episodes that go left in the maximization-bias example.</summary>
    MoreThanOneStep,
}

/// <summary>A method whose learning is drawn.</summary>
internal sealed record CurveMethod : IOptionsRecord
{
    /// <summary>Name in the legend; empty for the learner's own.</summary>
    public string Label { get; init; } = "";

    /// <summary>The learner; one that plays episodes.</summary>
    public RlMethod Algorithm { get; init; } = new QLearningLearner();

    /// <summary>Step-size rule.</summary>
    public string Alpha { get; init; } = "0.1";

    /// <summary>Steps of n-step methods, imagined steps of Dyna; null for the learner's own. Other learners know one step only.</summary>
    public int? N { get; init; }

    /// <summary>The name in the legend.</summary>
    internal string Name => Label.Length > 0 ? Label : Of(Algorithm);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Algorithm is TileLearner or TabularLearner { ExploresStarts: false }, Algorithm is null ? null : Of(Algorithm),
            "a learner that plays episodes (cresset list --rl-methods)", field: nameof(Algorithm))
        .Nested(Algorithm)
        .Must(RlSolveOptions.IsFormula(Alpha), Alpha, "a positive step size or a formula in k")
        .Must(N is null or 1 || Stepped(Algorithm, N.Value) is not null, N, "1, or nothing: this learner knows one step only")
        .Nested(N is { } n ? Stepped(Algorithm, n) : null, nameof(N));

    /// <summary>The learner with the number of steps and, where it is given, the trace parameter of the curves.</summary>
    internal RlMethod Learner(double? lambda)
    {
        var learner = N is { } n ? Stepped(Algorithm, n) ?? Algorithm : Algorithm;
        return (learner, lambda) switch
        {
            (TraceLearner trace, { } value) => trace with { Lambda = value },
            (TileSarsaLambdaLearner tiles, { } value) => tiles with { Lambda = value },
            _ => learner,
        };
    }

    private static RlMethod? Stepped(RlMethod? method, int n) => method switch
    {
        NStepLearner steps => steps with { N = n },
        TileSarsaLearner tiles => tiles with { N = n },
        ImaginingLearner imagining => imagining with { PlanningSteps = n },
        _ => null,
    };

    private static string Of(RlMethod method) => PartCatalog.NameOf(method.GetType()) ?? method.GetType().Name;
}

/// <summary>The book's mean over some episodes of a method.</summary>
/// <param name="Label">The method.</param>
/// <param name="From">First episode, from 1.</param>
/// <param name="To">Last episode.</param>
/// <param name="Value">The book's value.</param>
/// <param name="Tolerance">How far the measured one may be off, standard errors not counted.</param>
internal sealed record BookWindow(string Label, int From, int To, double Value, double Tolerance);

/// <summary>Learning curves of several methods on one environment, with bands over many runs.</summary>
internal sealed record LearningCurvesOptions : IOptionsRecord
{
    /// <summary>The environment, as in <c>cresset rl envs</c>.</summary>
    public EnvironmentSource Environment { get; init; } = new CliffWalkingSource();

    /// <summary>The methods.</summary>
    public IReadOnlyList<CurveMethod> Methods { get; init; } = [new() { Label = "Sarsa", Algorithm = new SarsaLearner(), Alpha = "0.5" },
        new() { Label = "Q-learning", Alpha = "0.5" }];

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

    /// <summary>Trace parameter of all methods with traces; null for each one's own.</summary>
    public double? Lambda { get; init; }

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
            .Must(Methods.Select(m => m.Name).Distinct().Count() == Methods.Count, string.Join(", ", Methods.Select(m => m.Name)),
                "labels that differ", field: nameof(Methods))
            .Defined(Measure)
            .AtLeast(Episodes, 1)
            .AtLeast(EpisodeLength, 0)
            .AtLeast(Runs, 1)
            .AtLeast(Seed, 0)
            .Within(Gamma, 0, 1)
            .Within(Epsilon, 0, 1)
            .Within(Lambda ?? 0, 0, 1, field: nameof(Lambda))
            .Defined(Ties)
            .Within(Window, 1, Episodes)
            .Must(YRange is not { } y || y.Low < y.High, YRange, "a low end below the high end", field: nameof(YRange));
        foreach (var method in Methods) checks.Nested(method, nameof(Methods));
        foreach (var window in Book)
        {
            checks.Must(window.From >= 1 && window.To >= window.From, $"{window.From} to {window.To}", "episodes from 1 up",
                field: nameof(Book));
            checks.Must(Methods.Any(m => m.Name == window.Label), window.Label, "a method's label", field: nameof(Book));
        }
        return checks;
    }

    /// <summary>A method as options of a solver.</summary>
    internal RlSolveOptions Solve(CurveMethod method) => new()
    {
        Environment = Environment,
        Algorithm = method.Learner(Lambda),
        Alpha = method.Alpha,
        Gamma = Gamma,
        Epsilon = Epsilon,
        Ties = Ties,
        Episodes = Episodes,
        EpisodeLength = EpisodeLength,
        Seeds = 1,
    };
}
