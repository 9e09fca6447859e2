using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Rules of exploration: draws follow their probabilities, masks hold, worlds are solved.</summary>
public sealed class ExplorationTests
{
    private static readonly double[] Values = [0.3, double.NegativeInfinity, 1.2, 1.2, -0.5];
    private static readonly long[] Visits = [4, 0, 9, 2, 1];

    public static TheoryData<Exploration> Rules =>
    [
        new Exploration { Epsilon = 0.3 }, new Exploration { Epsilon = 0.3, Ties = TieBreaking.LowestIndex },
        new BoltzmannExploration { Temperature = 0.7 },
        new BoltzmannExploration { Temperature = 2, Epsilon = 0.2 }, new UpperConfidenceExploration { Confidence = 2 },
        new UpperConfidenceExploration { Epsilon = 0.4 },
    ];

    [Theory]
    [MemberData(nameof(Rules))]
    public void DrawsFollowTheProbabilities(Exploration rule)
    {
        var (random, counts, probabilities) = (new RandomStream(1), new double[Values.Length], new double[Values.Length]);
        var strength = rule.At(0);
        rule.Probabilities(Values, strength, probabilities, Visits);
        Assert.Equal(1, probabilities.Sum(), 1e-12);
        Assert.Equal(0, probabilities[1]);
        for (var i = 0; i < 20_000; i++) counts[rule.Choose(Values, strength, random, Visits)] += 1 / 20_000.0;
        for (var a = 0; a < Values.Length; a++) Assert.Equal(probabilities[a], counts[a], 0.015);
    }

    [Fact]
    public void BoltzmannFollowsItsDefinitionAtAnyTemperature()
    {
        var probabilities = new double[Values.Length];
        var rule = new BoltzmannExploration();
        rule.Probabilities(Values, 0.5, probabilities);
        Assert.Equal(Math.Exp((1.2 - 0.3) / 0.5), probabilities[2] / probabilities[0], 1e-9);
        foreach (var temperature in (double[])[0, 1e-300, 1e300])
        {
            rule.Probabilities(Values, temperature, probabilities);
            Assert.Equal(1, probabilities.Sum(), 1e-12);
        }
        rule.Probabilities(Values, 0, probabilities);
        Assert.Equal(0.5, probabilities[3], 1e-12);
    }

    [Fact]
    public void UpperBoundsTakeWhatWasNeverTakenFirst()
    {
        var rule = new UpperConfidenceExploration { Ties = TieBreaking.LowestIndex };
        Assert.Equal(4, rule.Choose(Values, 1, new RandomStream(1), [4, 0, 9, 2, 0]));
        // 0.3 + sqrt(ln 16 / 4) = 1.13, 1.2 + sqrt(ln 16 / 9) = 1.76, 1.2 + sqrt(ln 16 / 2) = 2.38, -0.5 + sqrt(ln 16) = 1.17.
        Assert.Equal(3, rule.Choose(Values, 1, new RandomStream(1), Visits));
        Assert.Contains("counts of visits", Assert.Throws<ArgumentException>(() => rule.Choose(Values, 1, new RandomStream(1))).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOptionsException>(() => new SparseControlOptions { Exploration = rule }.ThrowIfInvalid());
    }

    [Theory]
    [InlineData("boltzmann")]
    [InlineData("ucb")]
    public void EveryRuleSolvesTheMaze(string name)
    {
        var rule = (Exploration)new PartCatalog(typeof(Exploration).Assembly).Get("exploration", name).Create();
        // In the units of the values, which differ by a twentieth from one cell to the next.
        rule = rule is BoltzmannExploration ? rule with { Schedule = StepSizeRule.Linear(0.05, 0.005, 40) }
            : new UpperConfidenceExploration { Confidence = 0.02 };
        var learner = new QLearning(54, 4, new() { Gamma = 0.95, StepSize = StepSizeRule.Constant(0.3), Exploration = rule });
        var records = TabularControl.Run(new TimeLimit<int, int>(Maze.Dyna(), 2000), learner, 100, new RandomStream(2), seed: 2);
        Assert.InRange(records.Skip(80).Min(r => r.Length), 14, 18);
        Assert.Equal(1, TabularControl.Evaluate(new TimeLimit<int, int>(Maze.Dyna(), 100), learner.GreedyActions(), 5, 1));
    }

    [Fact]
    public void TheFastLoopRefusesWhatItDoesNotKnow()
    {
        var fast = new QLearning(101, 101, new() { Exploration = new() { Ties = TieBreaking.LowestIndex } });
        Assert.Contains("missing actions",
            Assert.Throws<InvalidOperationException>(() => fast.RunFast(new GamblersProblem(), 10, new RandomStream(1))).Message,
            StringComparison.Ordinal);
        var warm = new QLearning(54, 4, new() { Exploration = new BoltzmannExploration { Ties = TieBreaking.LowestIndex } });
        Assert.Throws<InvalidOperationException>(() => warm.RunFast(Maze.Dyna(), 10, new RandomStream(1)));
    }
}
