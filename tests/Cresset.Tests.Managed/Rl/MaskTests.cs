using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Samples.Worlds;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Action masks from the environment to every learner of tables, through wrappers and vector environments.</summary>
public sealed class MaskTests
{
    public static TheoryData<string> Learners =>
        ["sarsa", "expected-sarsa", "q-learning", "double-q", "n-step", "tree-backup", "q-sigma", "sarsa-lambda", "q-lambda", "dyna-q",
            "dyna-q-plus", "sweeping", "mc", "mc-off-policy"];

    [Theory]
    [MemberData(nameof(Learners))]
    public void EveryLearnerKeepsToTheMask(string name)
    {
        var learner = Make(name, 11, 11, new RandomStream(3));
        var records = TabularControl.Run(new TimeLimit<int, int>(new Inventory(), 30), learner, 300, new RandomStream(1), seed: 1);
        Assert.Equal(300, records.Count);
        for (var stock = 1; stock <= 10; stock++) Assert.True(learner.GreedyActions()[stock] + stock <= 10);
    }

    [Fact]
    public void MaskedInventoryIsSolvedByQLearning()
    {
        var learner = new QLearning(11, 11,
            new() { Gamma = 0.95, StepSize = StepSizeRule.Parse("20/(k+40)"), Exploration = new() { Epsilon = 0.3 } });
        TabularControl.Run(new TimeLimit<int, int>(new Inventory(), 30), learner, 4000, new RandomStream(1), seed: 1);
        var actions = learner.GreedyActions();
        var learned = TabularControl.Evaluate(new TimeLimit<int, int>(new Inventory(), 30), actions, 400, 9);
        // Filling up to 5 whenever fewer than 2 are left is close to the best rule.
        var rule = Enumerable.Range(0, 11).Select(s => s < 2 ? 5 - s : 0).ToArray();
        Assert.True(learned > TabularControl.Evaluate(new TimeLimit<int, int>(new Inventory(), 30), rule, 400, 9) - 3, $"{learned}");
    }

    [Fact]
    public void MaskedActionsAreNamedAsSuch()
    {
        var gambler = new GamblersProblem();
        gambler.State = 3;
        var error = Assert.Throws<ArgumentException>(() => gambler.Step(7, out _));
        Assert.Contains("action [7] is masked in the present state; allowed there: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("lies outside Discrete(", Assert.Throws<ArgumentException>(() => gambler.Step(5000, out _)).Message,
            StringComparison.Ordinal);
        var shop = new Inventory();
        shop.ResetState(1);
        shop.Step(10, out _);
        Assert.Contains("is masked", Assert.Throws<ArgumentException>(() => shop.Step(10, out _)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dyna-q")]
    [InlineData("mc-off-policy")]
    public void TheGamblerAndTheCarRentalRun(string name)
    {
        TabularControl.Run(new TimeLimit<int, int>(new GamblersProblem(), 500),
            Make(name, new GamblersProblem().StateCount(), new GamblersProblem().ActionCount(), new RandomStream(2)), 50,
            new RandomStream(1), seed: 1);
        var cars = new CarRental();
        TabularControl.Run(new TimeLimit<int, int>(cars, 20), Make(name, cars.StateCount(), cars.ActionCount(), new RandomStream(2)), 20,
            new RandomStream(1), seed: 1);
    }

    [Fact]
    public void AMaskThatDoesNotFollowFromTheStateIsRefused()
    {
        var learner = new QLearning(2, 2);
        learner.Restrict(0, [true, false]);
        learner.Restrict(0, [true, false]);
        Assert.Contains("The mask of state 0 has changed",
            Assert.Throws<InvalidOperationException>(() => learner.Restrict(0, [true, true])).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => learner.Restrict(1, [false, false]));
    }

    [Fact]
    public void WrappersPassMasksOnAndTransformedActionsTranslateThem()
    {
        Assert.NotNull(ActionMasks.Of(new FlattenObservation<int>(new TimeLimit<int, int>(new Inventory(), 5))));
        Assert.Null(ActionMasks.Of(new TimeLimit<float, int>(new CartPole(), 5)));
        // The order turned round: action 0 orders ten.
        var turned = new TransformAction<int, int, int>(new Inventory(), new Discrete(11), (from, to) => to[0] = 10 - from[0]);
        turned.Reset(1);
        turned.Step(2, out var stock);
        var mask = new bool[11];
        turned.WriteActionMask(mask);
        for (var action = 0; action < 11; action++) Assert.Equal(10 - action + stock <= 10, mask[action]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void VectorEnvironmentsHandOutTheMasksOfAllCopies(int threads)
    {
        var shops = new SyncVectorEnvironment<int, int>(4, () => new TimeLimit<int, int>(new Inventory(), 3), AutoresetMode.SameStep,
            threads);
        shops.Reset(1);
        var random = new RandomStream(2);
        for (var step = 0; step < 50; step++)
        {
            var actions = new int[4];
            for (var i = 0; i < 4; i++)
            {
                var mask = shops.Masks.Slice(i * 11, 11).ToArray();
                for (var order = 0; order < 11; order++) Assert.Equal(shops.Observations[i] + order <= 10, mask[order]);
                actions[i] = random.NextInt32(mask.Count(m => m));
            }
            shops.Step(actions);
            for (var i = 0; i < 4; i++)
            {
                if (shops.Truncated[i]) Assert.Equal(11 - shops.FinalObservations[i], shops.FinalMasks.Slice(i * 11, 11).Count(true));
            }
        }
    }

    [Fact]
    public void StickyAndRepeatedActionsStayAllowed()
    {
        foreach (var shop in (IEnvironment<int, int>[])[new StickyAction<int, int>(new Inventory(), 0.9)])
        {
            var state = shop.ResetState(1);
            for (var step = 0; step < 200; step++) shop.Step(10 - state, out state);
        }
    }

    private static ActionValueLearner Make(string name, int states, int actions, RandomStream random)
    {
        ControlOptions options = new() { Gamma = 0.9, Exploration = new() { Epsilon = 0.2 } };
        return name switch
        {
            "sarsa" => new Sarsa(states, actions, options),
            "expected-sarsa" => new ExpectedSarsa(states, actions, options),
            "q-learning" => new QLearning(states, actions, options),
            "double-q" => new DoubleQLearning(states, actions, random, options),
            "n-step" => new NStepControl(states, actions, 3, NStepKind.Sarsa, options),
            "tree-backup" => new NStepControl(states, actions, 3, NStepKind.TreeBackup, options),
            "q-sigma" => new NStepControl(states, actions, 3, NStepKind.QSigma, options, sigma: 0.5),
            "sarsa-lambda" => new SarsaLambda(states, actions, 0.8, TraceKind.Replacing, options),
            "q-lambda" => new WatkinsQLambda(states, actions, 0.8, TraceKind.Replacing, options),
            "dyna-q" => new DynaQ(states, actions, 5, random, 0, options),
            "dyna-q-plus" => new DynaQ(states, actions, 5, random, 1e-3, options),
            "sweeping" => new PrioritizedSweeping(states, actions, 5, 1e-4, options),
            "mc" => new MonteCarloControl(states, actions, options),
            _ => new OffPolicyMonteCarloControl(states, actions, options),
        };
    }
}
