using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Cresset.Tests.Torch.Training;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>
/// Agents whose copies are stepped by several ranks: the bits of one process, states that go on with any number of ranks.
/// </summary>
public sealed class RankedAgentTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void RanksLearnAndResumeWithTheBitsOfOneProcess(int size)
    {
        using var alone = Ppo(Alone(4));
        while (alone.Step < 128) alone.Advance();
        using var expected = new Snapshot();
        alone.Save(expected);
        // Half of it by ranks, the rest by one process, and the other way round.
        var half = ThreadRanks.Run(size, ranks =>
        {
            using var agent = Ppo(new RankedEnvironments<int>(ranks, 4, Pole));
            while (agent.Step < 64) agent.Advance();
            var state = new Snapshot();
            agent.Save(state);
            return state;
        });
        using var resumed = Ppo(Alone(4));
        half[0].Restore(resumed);
        while (resumed.Step < 128) resumed.Advance();
        using var found = new Snapshot();
        resumed.Save(found);
        OwnWorldAgentTests.Same(expected, found);
        var ends = ThreadRanks.Run(size, ranks =>
        {
            using var agent = Ppo(new RankedEnvironments<int>(ranks, 4, Pole));
            agent.Load(half[ranks.Rank]);
            while (agent.Step < 128) agent.Advance();
            var state = new Snapshot();
            agent.Save(state);
            return state;
        });
        foreach (var end in ends)
        {
            OwnWorldAgentTests.Same(expected, end);
            end.Dispose();
        }
        foreach (var state in half) state.Dispose();
    }

    [Fact]
    public void WhatRanksCannotShareIsRefused()
    {
        Assert.Contains("each of the 2 ranks",
            Assert.Throws<ArgumentException>(() => ThreadRanks.Run(2, ranks => new RankedEnvironments<int>(ranks, 1, Pole))).Message,
            StringComparison.Ordinal);
        Assert.Contains("running moments",
            Assert.Throws<ArgumentException>(
                () => ThreadRanks.Run(2,
                    ranks => new RankedEnvironments<int>(ranks, 2, () => new NormalizeObservation<int>(Pole())))).Message,
                    StringComparison.Ordinal);
    }

    private static IEnvironment<float, int> Pole() => new TimeLimit<float, int>(new CartPole(), 20);

    private static SyncVectorEnvironment<float, int> Alone(int copies) => new(copies, Pole, AutoresetMode.SameStep);

    private static ActorCriticAgent<int> Ppo(VectorEnvironment<float, int> environments) =>
        new(environments, ActorCriticOptions.Ppo with { Hidden = [8], RolloutSteps = 8, Minibatches = 2, Epochs = 2 }, 5);
}
