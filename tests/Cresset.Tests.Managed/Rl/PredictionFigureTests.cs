using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;
using static Cresset.Tests.Managed.Rl.FigureStatistics;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Figures of Sutton and Barto on estimating values: walks, bandits, blackjack, maximization bias.</summary>
public sealed class PredictionFigureTests
{
    [Theory]
    [InlineData(1, 0.8)]
    [InlineData(2, 0.6)]
    [InlineData(4, 0.4)]
    [InlineData(8, 0.2)]
    [InlineData(16, 0.1)]
    [InlineData(64, 0.5)]
    [InlineData(512, 0.1)]
    public void Figure72NStepTdOnThe19StateWalk(int n, double alpha)
        => Walk19($"n={n}", () => new NStepTd(19, n, 1, StepSizeRule.Constant(alpha)),
            Golden.GetProperty("random_walk19_nstep_td").GetProperty("table").GetProperty($"{n}").GetProperty($"{alpha:0.0}"), 150);

    [Theory]
    [InlineData("offline_lambda_return", "0.8", 0.4)]
    [InlineData("offline_lambda_return", "0.95", 0.2)]
    [InlineData("accumulating", "0.8", 0.3)]
    [InlineData("accumulating", "0.9", 0.2)]
    [InlineData("replacing", "0.8", 0.5)]
    [InlineData("replacing", "0.4", 0.9)]
    [InlineData("true_online", "0.8", 0.4)]
    [InlineData("true_online", "0.9", 0.5)]
    public void Figures123And126TracesOnThe19StateWalk(string kind, string lambda, double alpha)
    {
        var l = double.Parse(lambda, System.Globalization.CultureInfo.InvariantCulture);
        var step = StepSizeRule.Constant(alpha);
        StateValueLearner Make() => kind switch
        {
            "offline_lambda_return" => new OfflineLambdaReturn(19, l, 1, step),
            "accumulating" => new TdLambda(19, l, TraceKind.Accumulating, 1, step),
            "replacing" => new TdLambda(19, l, TraceKind.Replacing, 1, step),
            _ => new TdLambda(19, l, TraceKind.TrueOnline, 1, step),
        };
        Walk19($"{kind} {lambda}", Make,
            Golden.GetProperty("random_walk19_td_lambda").GetProperty("table").GetProperty(kind).GetProperty(lambda)
                .GetProperty($"{alpha:0.0}"), 150);
    }

    [Fact]
    public void Figure62TdAndMonteCarloOnThe5StateWalk()
    {
        var table = Golden.GetProperty("random_walk5").GetProperty("table");
        double[] truth = [1 / 6.0, 2 / 6.0, 3 / 6.0, 4 / 6.0, 5 / 6.0];
        foreach (var method in new[] { "TD(0) alpha=0.05", "TD(0) alpha=0.1", "MC alpha=0.02", "batch TD (certainty equivalence)",
            "batch MC (sample mean of every visit)" })
        {
            foreach (var row in table.GetProperty(method).EnumerateObject())
            {
                var episodes = int.Parse(row.Name);
                var errors = Repeat(120, seed =>
                {
                    var walk = RandomWalk.Five();
                    walk.ResetState(seed);
                    if (method.StartsWith("batch", StringComparison.Ordinal))
                    {
                        var log = new List<IReadOnlyList<Transition>>();
                        for (var e = 0; e < episodes; e++) log.Add(Episode(walk));
                        return LinearValueTests.Rmse(truth,
                            method[6] == 'T' ? BatchEvaluation.CertaintyEquivalence(5, log, 1, 0.5)
                                : BatchEvaluation.SampleMean(5, log, 1, 0.5));
                    }
                    var step = StepSizeRule.Constant(double.Parse(method.Split('=')[1], System.Globalization.CultureInfo.InvariantCulture));
                    StateValueLearner learner = method[0] == 'T' ? new TdZero(5, 1, step, 0.5)
                        : new MonteCarloPrediction(5, 1, step, initialValue: 0.5);
                    for (var e = 0; e < episodes; e++) learner.RunEpisode(walk);
                    return LinearValueTests.Rmse(truth, learner.Values);
                });
                Agrees($"{method} after {episodes}", errors, row.Value);
            }
        }
    }

    [Fact]
    public void Figure65MaximizationBias()
    {
        foreach (var method in Golden.GetProperty("maximization_bias").GetProperty("table").EnumerateObject())
        {
            ControlOptions options = new() { StepSize = StepSizeRule.Constant(0.1), Exploration = new() { Epsilon = 0.1 } };
            static bool Available(int s, int a) => s == 1 || a < 2;
            var lefts = new List<double[]>();
            for (var run = 0; run < 600; run++)
            {
                var random = new RandomStream((ulong)run + 1000);
                ActionValueLearner learner = method.Name == "q_learning" ? new QLearning(2, 10, options, Available)
                    : new DoubleQLearning(2, 10, random, options, Available);
                var environment = new MaximizationBias();
                environment.ResetState((ulong)run);
                // An episode of two steps went left.
                lefts.Add([.. TabularControl.Run(environment, learner, 300, random).Select(r => r.Length - 1.0)]);
            }
            foreach (var row in method.Value.EnumerateObject())
                Agrees($"{method.Name} episode {row.Name}", [.. lefts.Select(l => l[int.Parse(row.Name) - 1])], row.Value);
        }
    }

    [Fact]
    public void Figure53OffPolicyEstimationOfABlackjackState()
    {
        foreach (var (name, weighted) in new[] { ("ordinary_mse", false), ("weighted_mse", true) })
        {
            foreach (var row in Golden.GetProperty("blackjack_off_policy_importance_sampling").GetProperty(name).EnumerateObject())
            {
                var episodes = int.Parse(row.Name);
                if (episodes > 1000) continue;
                var errors = Repeat(100, seed =>
                {
                    var learner = new OffPolicyMonteCarlo(1, 1, weighted);
                    var (game, random) = (new Blackjack(BlackjackRule.Plain), new RandomStream(seed));
                    var observation = game.Reset(seed + 5000);
                    for (var e = 0; e < episodes; e++)
                    {
                        // Sum 13 with a usable ace against a 2: ace and 2, the dealer's second card is random.
                        game.SetCards([1, 2], [2, Math.Min(10, random.NextInt32(13) + 1)]);
                        (observation[0], observation[1], observation[2]) = (13, 2, 1);
                        learner.BeginEpisode(0);
                        var (ratio, outcome) = (1.0, default(StepOutcome));
                        while (!outcome.Terminated)
                        {
                            var action = random.NextInt32(2);
                            ratio *= (observation[0] >= 20 ? 0 : 1) == action ? 2 : 0;
                            outcome = game.Step(action, observation.AsSpan());
                        }
                        learner.Observe(new Transition(0, 0, outcome.Reward, 0, true, Ratio: ratio));
                    }
                    return Math.Pow(learner.Values[0] + 0.27720419, 2);
                });
                Agrees($"{name} after {episodes}", errors, row.Value);
            }
        }
    }

    [Fact]
    public void Chapter2TenArmedTestbed()
    {
        foreach (var method in Golden.GetProperty("ten_armed_testbed").GetProperty("table").EnumerateObject())
        {
            BanditOptions options = method.Name switch
            {
                "greedy" => new() { Epsilon = 0 },
                "epsilon 0.01" => new() { Epsilon = 0.01 },
                "epsilon 0.1" => new() { Epsilon = 0.1 },
                "UCB c=2" => new() { Rule = BanditRule.UpperConfidence },
                _ when method.Name.StartsWith("gradient", StringComparison.Ordinal) =>
                    new() { Rule = BanditRule.Gradient, StepSize = StepSizeRule.Constant(0.1) },
                _ => new() { Epsilon = 0, InitialValue = 5, StepSize = StepSizeRule.Constant(0.1) },
            };
            var (late, best, all) = (new List<double>(), new List<double>(), new List<double>());
            for (var run = 0; run < 150; run++)
            {
                var (bandit, random) = (new KArmedBandit(), new RandomStream((ulong)run + 9));
                var observation = bandit.Reset((ulong)run);
                var learner = new BanditLearner(10, options);
                var rewards = new double[1000];
                var optimal = 0;
                for (var t = 0; t < 1000; t++)
                {
                    var arm = learner.Act(random);
                    rewards[t] = bandit.Step(arm, observation.AsSpan()).Reward;
                    learner.Observe(arm, rewards[t]);
                    if (t >= 900 && arm == bandit.BestArm) optimal++;
                }
                late.Add(rewards[900..].Average());
                best.Add(optimal / 100.0);
                all.Add(rewards.Average());
            }
            Agrees($"{method.Name} late", [.. late], method.Value.GetProperty("reward_901_1000"));
            Agrees($"{method.Name} optimal", [.. best], method.Value.GetProperty("optimal_901_1000"));
            Agrees($"{method.Name} all", [.. all], method.Value.GetProperty("reward_all"));
        }
    }

    [Fact]
    public void Example53ExploringStartsFindTheBooksStrategy()
    {
        var model = BlackjackModel.Build();
        var world = new TableEnvironment(model);
        world.ResetState(1);
        var learner = new MonteCarloControl(model.StateCount, 2,
            new() { StepSize = StepSizeRule.SampleMean, Exploration = Exploration.None with { Ties = TieBreaking.LowestIndex } });
        int[] starts = [.. from sum in Enumerable.Range(11, 11) from dealer in Enumerable.Range(1, 10) from ace in new[] { false, true }
            where !ace || sum > 11 select BlackjackModel.State(sum, dealer, ace)];
        MonteCarloPlanning.ExploringStarts(world, learner, 1_500_000, 50, new RandomStream(2), starts);
        var best = ValueIteration.Solve(model, new() { Gamma = 1 });
        var q = Bellman.ActionValues(model, best.Values, 1);
        var wrong = 0;
        foreach (var s in starts)
        {
            // Near ties cannot be told apart by sampling.
            if (Math.Abs(q[2 * s] - q[(2 * s) + 1]) < 0.02) continue;
            wrong += learner.GreedyActions()[s] == best.Actions[s] ? 0 : 1;
            Assert.Equal(best.Values[s], learner.StateValues()[s], 0.08);
        }
        Assert.Equal(0, wrong);
    }
}
