using Cresset.Numerics;
using Cresset.Rl;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Laws between the update rules, checked on random streams of experience.</summary>
public sealed class UpdateRuleTests
{
    private const int States = 5;
    private const int Actions = 3;

    [Fact]
    public void StateValueMethodsMeetInTheirLimits()
        => Sample((seed, gamma) =>
        {
            var episodes = Episodes(seed);
            var step = StepSizeRule.Constant(0.3);
            var td = Feed(new TdZero(States, gamma, step, 0.2), episodes);
            Same(td, Feed(new NStepTd(States, 1, gamma, step, 0.2), episodes));
            foreach (var kind in Enum.GetValues<TraceKind>()) Same(td, Feed(new TdLambda(States, 0, kind, gamma, step, 0.2), episodes));
            var monteCarlo = Feed(new MonteCarloPrediction(States, gamma, step, initialValue: 0.2), episodes);
            Same(monteCarlo, Feed(new NStepTd(States, 1000, gamma, step, 0.2), episodes));
            Same(monteCarlo, Feed(new OfflineLambdaReturn(States, 1, gamma, step, 0.2), episodes));
        });

    [Fact]
    public void TrueOnlineTdEqualsTheOnlineLambdaReturnAlgorithm()
        => Sample((seed, gamma) =>
        {
            const double Lambda = 0.7, Alpha = 0.25;
            var episode = Episodes(seed)[0];
            var learner = Feed(new TdLambda(States, Lambda, TraceKind.TrueOnline, gamma, StepSizeRule.Constant(Alpha), 0.1), [episode]);
            // Brute force: at every horizon h redo all updates with the returns truncated at h. History holds the values used to bootstrap.
            double[] w0 = [.. Enumerable.Repeat(0.1, States)];
            var history = new List<double[]> { w0 };
            for (var h = 1; h <= episode.Count; h++)
            {
                double[] w = [.. w0];
                for (var t = 0; t < h; t++)
                {
                    double target = 0, weight = 1, discounted = 0, power = 1;
                    for (var n = 1; t + n <= h; n++)
                    {
                        var last = episode[t + n - 1];
                        discounted += power * last.Reward;
                        power *= gamma;
                        var value = discounted + (last.Terminated ? 0 : power * history[t + n - 1][last.NextState]);
                        var share = t + n == h ? weight : weight * (1 - Lambda);
                        target += share * value;
                        weight *= Lambda;
                    }
                    w[episode[t].State] += Alpha * (target - w[episode[t].State]);
                }
                history.Add(w);
            }
            for (var s = 0; s < States; s++) Assert.Equal(history[^1][s], learner[s], 1e-10);
        });

    [Fact]
    public void ActionValueMethodsMeetInTheirLimits()
        => Sample((seed, gamma) =>
        {
            var episodes = Episodes(seed);
            ControlOptions options = new()
            {
                Gamma = gamma,
                StepSize = StepSizeRule.Constant(0.3),
                InitialValue = 0.1,
                Exploration = new() { Epsilon = 0.2 }
            };
            var sarsa = Feed(new Sarsa(States, Actions, options), episodes);
            Same(sarsa, Feed(new NStepControl(States, Actions, 1, NStepKind.Sarsa, options), episodes));
            foreach (var kind in Enum.GetValues<TraceKind>())
                Same(sarsa, Feed(new SarsaLambda(States, Actions, 0, kind, options), episodes));
            var expected = Feed(new ExpectedSarsa(States, Actions, options), episodes);
            Same(expected, Feed(new NStepControl(States, Actions, 1, NStepKind.ExpectedSarsa, options), episodes));
            Same(expected, Feed(new NStepControl(States, Actions, 1, NStepKind.TreeBackup, options), episodes));
            Same(expected, Feed(new NStepControl(States, Actions, 1, NStepKind.QSigma, options, sigma: 0), episodes));
            Same(Feed(new NStepControl(States, Actions, 4, NStepKind.TreeBackup, options), episodes),
                Feed(new NStepControl(States, Actions, 4, NStepKind.QSigma, options, sigma: 0), episodes));
            // With a greedy policy Expected Sarsa is Q-learning, and so are Watkins' traces of length 0 and Dyna without imagination.
            var greedy = options with { Exploration = new() { Epsilon = 0, Ties = TieBreaking.LowestIndex } };
            var q = Feed(new QLearning(States, Actions, greedy), episodes);
            Same(q, Feed(new ExpectedSarsa(States, Actions, greedy), episodes));
            Same(q, Feed(new WatkinsQLambda(States, Actions, 0, TraceKind.Replacing, greedy), episodes));
            Same(q, Feed(new DynaQ(States, Actions, 0, new RandomStream(1), options: greedy), episodes));
        });

    [Fact]
    public void OneHotFeaturesMakeLinearMethodsTabular()
        => Sample((seed, gamma) =>
        {
            var episodes = Episodes(seed);
            var step = StepSizeRule.Constant(0.2);
            Same(Feed(new TdZero(States, gamma, step), episodes), Feed(new LinearTd(States, gamma, step), episodes));
            Same(Feed(new TdLambda(States, 0.8, TraceKind.Accumulating, gamma, step), episodes),
                Feed(new LinearTd(States, gamma, step, 0.8), episodes));
            Same(Feed(new TdLambda(States, 0.8, TraceKind.TrueOnline, gamma, step), episodes),
                Feed(new LinearTd(States, gamma, step, 0.8, TraceKind.TrueOnline), episodes));
            // Without a follow-on (gamma 0) emphatic TD is TD; TDC without auxiliary steps is TD in its first moves.
            Same(Feed(new TdZero(States, 0, step), episodes), Feed(new EmphaticTd(States, 0, step), episodes));
            var least = new LeastSquaresTd(States, gamma, 0, 0);
            Feed(least, episodes);
            var batch = BatchEvaluation.CertaintyEquivalence(States, episodes.Select(e => (IReadOnlyList<Transition>)e), gamma);
            if (episodes.SelectMany(e => e).Select(t => t.State).Distinct().Count() == States)
            {
                var w = least.Solve();
                for (var s = 0; s < States; s++) Assert.Equal(batch[s], w[s], 1e-8);
            }
        });

    [Fact]
    public void ImportanceSamplingByHand()
    {
        // Two episodes through state 0: ratios 2 and 0.5, returns 1 and 4.
        Transition[] first = [new(0, 0, 1, 0, true, Ratio: 2)];
        Transition[] second = [new(0, 0, 4, 0, true, Ratio: 0.5)];
        List<List<Transition>> log = [[.. first], [.. second]];
        Assert.Equal(((2 * 1) + (0.5 * 4)) / 2, Feed(new OffPolicyMonteCarlo(1, 1, weighted: false), log)[0], 1e-12);
        Assert.Equal(((2 * 1) + (0.5 * 4)) / 2.5, Feed(new OffPolicyMonteCarlo(1, 1, weighted: true), log)[0], 1e-12);
        // n-step Sarsa off-policy: the first action's own ratio does not count, later ones and the bootstrap's do.
        var learner = new NStepControl(3, 1, 2, NStepKind.Sarsa,
            new() { Gamma = 0.5, StepSize = StepSizeRule.Constant(0.1), InitialValue = 1 });
        learner.BeginEpisode(0);
        learner.Observe(new Transition(0, 0, 1, 1, false, 0, Ratio: 9, NextRatio: 2));
        learner.Observe(new Transition(1, 0, 2, 2, false, 0, Ratio: 2, NextRatio: 3));
        Assert.Equal(1 + (0.1 * 6 * (1 + 1 + 0.25 - 1)), learner.Values[0], 1e-12);
    }

    [Fact]
    public void DoubleQLearningJudgesWithTheOtherTable()
    {
        var learner = new DoubleQLearning(2, 2, new RandomStream(1), new() { Gamma = 0.9, StepSize = StepSizeRule.Constant(0.5) });
        learner.Values[2] = 3;
        learner.Values[3] = 1;
        learner.SecondValues[2] = 10;
        learner.SecondValues[3] = 20;
        learner.LearnInto(new Transition(0, 1, 1, 1), first: true);
        Assert.Equal(0.5 * (1 + (0.9 * 10)), learner.Values[1], 1e-12);
        learner.LearnInto(new Transition(0, 1, 1, 1), first: false);
        Assert.Equal(0.5 * (1 + (0.9 * 1)), learner.SecondValues[1], 1e-12);
    }

    [Fact]
    public void DivergenceIsCaughtWithTheStep()
    {
        var learner = new TdZero(2, 1, StepSizeRule.Constant(0.5));
        learner.Observe(new Transition(0, 0, 1, 1));
        Assert.Equal(2, Assert.Throws<DivergenceException>(() => learner.Observe(new Transition(0, 0, double.NaN, 1))).Step);
        var linear = new LinearTd(8, BairdCounterexample.Gamma, StepSizeRule.Constant(0.5));
        Assert.Contains("diverged at step",
            Assert.Throws<DivergenceException>(() => BairdCounterexample.Run(linear, 1_000_000, new RandomStream(1))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void BadInputIsNamed()
    {
        Assert.Contains("[0, 1]", Assert.Throws<ArgumentOutOfRangeException>(() => new TdZero(3, 1.1, StepSizeRule.Constant(0.1))).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOptionsException>(() => new QLearning(3, 2, new() { Gamma = -1 }));
        Assert.Throws<InvalidOptionsException>(() => new QLearning(3, 2, new() { Exploration = new() { Epsilon = 3 } }));
        Assert.Throws<ArgumentException>(() => TabularControl.Run(new FrozenLake(), new QLearning(3, 2), 1, new RandomStream(1)));
        var lake = new FrozenLake();
        Assert.Contains("Reset", Assert.Throws<InvalidOperationException>(() => lake.Step(0, out _)).Message, StringComparison.Ordinal);
        lake.ResetState(1);
        Assert.Contains("action [4]", Assert.Throws<ArgumentException>(() => lake.Step(4, out _)).Message, StringComparison.Ordinal);
        Assert.Contains("action 4", Assert.Throws<ArgumentException>(() => lake.StepState(4, out _)).Message, StringComparison.Ordinal);
        var cart = new CartPole();
        var observation = cart.Reset(1);
        while (!cart.Step(1, observation.AsSpan()).Ended) { }
        Assert.Contains("has ended", Assert.Throws<InvalidOperationException>(() => cart.Step(1, observation.AsSpan())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void TheFastLoopEqualsThePlainOne()
    {
        ControlOptions options = new()
        {
            Gamma = 0.99,
            StepSize = StepSizeRule.Constant(0.1),
            Exploration = new() { Epsilon = 0.1, Ties = TieBreaking.LowestIndex }
        };
        var (fast, plain) = (new QLearning(500, 6, options), new QLearning(500, 6, options));
        var (a, b) = (new Taxi(), new Taxi());
        a.ResetState(3);
        b.ResetState(3);
        fast.RunFast(a, 20_000, new RandomStream(8), 200);
        var random = new RandomStream(8);
        TabularControl.Run(new TimeLimit<int, int>(b, 200), plain, int.MaxValue, random, 20_000);
        Assert.Equal(plain.Values, fast.Values);
    }

    private static void Sample(Action<ulong, double> check) =>
        Gen.Select(Gen.ULong, Gen.Double[0.1, 1.0]).Sample((seed, gamma) => check(seed, gamma), iter: 40, threads: 1);

    private static List<List<Transition>> Episodes(ulong seed)
    {
        var random = new RandomStream(seed);
        var episodes = new List<List<Transition>>();
        for (var e = 0; e < 4; e++)
        {
            var episode = new List<Transition>();
            var (state, action) = (random.NextInt32(States), random.NextInt32(Actions));
            var length = 1 + random.NextInt32(12);
            for (var t = 0; t < length; t++)
            {
                var (next, nextAction) = (random.NextInt32(States), random.NextInt32(Actions));
                episode.Add(new Transition(state, action, random.NextNormal(), next, t == length - 1, t == length - 1 ? -1 : nextAction));
                (state, action) = (next, nextAction);
            }
            episodes.Add(episode);
        }
        return episodes;
    }

    private static double[] Feed(StateValueLearner learner, List<List<Transition>> episodes)
    {
        foreach (var episode in episodes)
        {
            learner.BeginEpisode(episode[0].State);
            foreach (var t in episode) learner.Observe(t);
            learner.EndEpisode();
        }
        return learner.Values;
    }

    private static double[] Feed(ActionValueLearner learner, List<List<Transition>> episodes)
    {
        foreach (var episode in episodes)
        {
            learner.BeginEpisode(episode[0].State);
            foreach (var t in episode) learner.Observe(t);
            learner.EndEpisode();
        }
        return learner.Values;
    }

    private static double[] Feed(LinearValueLearner learner, List<List<Transition>> episodes)
    {
        static double[] OneHot(int s) => [.. Enumerable.Range(0, States).Select(i => i == s ? 1.0 : 0.0)];
        foreach (var episode in episodes)
        {
            learner.BeginEpisode();
            foreach (var t in episode) learner.Observe(OneHot(t.State), t.Reward, t.Terminated ? [] : OneHot(t.NextState));
        }
        return learner.Weights;
    }

    private static void Same(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-10);
    }
}
