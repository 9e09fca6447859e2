using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class PolicyGradientTests
{
    [Fact]
    public void OneStepByHand()
    {
        // Equal preferences: the gradient of ln pi is 1/2 for the action taken, -1/2 for the other.
        var critic = new SoftmaxPolicyGradient(2, 2, 0.5, 0.1, 0.2, actorCritic: true);
        critic.Values[1] = 4;
        critic.BeginEpisode();
        critic.Observe(new Transition(0, 1, 1, 1));
        Assert.Equal(0.2 * 3, critic.Values[0], 1e-12);
        Assert.Equal(0.1 * 3 * 0.5, critic.Preferences[1], 1e-12);
        Assert.Equal(-0.1 * 3 * 0.5, critic.Preferences[0], 1e-12);
        // The second step counts gamma as much.
        critic.Observe(new Transition(1, 0, 2, 0, true));
        Assert.Equal(0.1 * 0.5 * -2 * 0.5, critic.Preferences[2], 1e-12);
        var reinforce = new SoftmaxPolicyGradient(2, 2, 0.5, 0.1);
        reinforce.BeginEpisode();
        reinforce.Observe(new Transition(0, 1, 1, 1));
        reinforce.Observe(new Transition(1, 0, 2, 0, true));
        Assert.Equal(0.1 * 2 * 0.5, reinforce.Preferences[1], 1e-12);
        Assert.Equal(0.1 * 0.5 * 2 * 0.5, reinforce.Preferences[2], 1e-12);
        Assert.Equal(0, reinforce.Values[0]);
    }

    [Theory]
    [InlineData(0.0, false, 0.002)]
    [InlineData(0.1, false, 0.02)]
    [InlineData(0.1, true, 0.02)]
    public void WalksTheMaze(double criticStepSize, bool actorCritic, double stepSize)
    {
        var maze = new Maze(["S  ", " # ", "  G"], -1, -1);
        var learner = new SoftmaxPolicyGradient(9, 4, 1, stepSize, criticStepSize, actorCritic);
        var random = new RandomStream(1);
        var lengths = Enumerable.Range(0, 3000).Select(e => learner.RunEpisode(maze, random, 1000, e == 0 ? 2UL : null).Length).ToArray();
        Assert.True(lengths.TakeLast(200).Average() < 7, $"{lengths.TakeLast(200).Average()} steps");
    }
}
