using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Seeds give the same episodes as in Gymnasium.</summary>
public sealed class SeedingTests
{
    private static readonly JsonElement Golden = RlReference.Load("seeding_numpy_pcg64.json");

    [Fact]
    public void CartPoleOfSeed42StartsWhereGymnasiumsDoes()
        => Assert.Equal([0.0273956f, -0.00611216f, 0.03585979f, 0.0197368f], new CartPole().Reset(42), (a, b) => Math.Abs(a - b) < 5e-9);

    [Theory]
    [InlineData("CartPole-v1")]
    [InlineData("MountainCar-v0")]
    [InlineData("Acrobot-v1")]
    [InlineData("Pendulum-v1")]
    [InlineData("FrozenLake-v1")]
    [InlineData("Taxi-v4")]
    [InlineData("Blackjack-v1")]
    [InlineData("CliffWalking-v1")]
    public void ResetsAndActionSamplesEqualGymnasium(string name)
    {
        foreach (var seed in Golden.GetProperty("reset_examples").GetProperty(name).EnumerateObject())
        {
            var number = ulong.Parse(seed.Name);
            switch (name)
            {
                case "CartPole-v1": Check(new CartPole(), number, seed.Value); break;
                case "MountainCar-v0": Check(new MountainCar(), number, seed.Value); break;
                case "Acrobot-v1": Check(new Acrobot(), number, seed.Value); break;
                case "Pendulum-v1": Check(new Pendulum(), number, seed.Value); break;
                case "FrozenLake-v1": Check(new FrozenLake(), number, seed.Value); break;
                case "Taxi-v4": Check(new Taxi(), number, seed.Value); break;
                case "Blackjack-v1": Check(new Blackjack(), number, seed.Value); break;
                default: Check(new CliffWalking(), number, seed.Value); break;
            }
        }
    }

    [Fact]
    public void FrozenLakeOfSeed7SlipsLikeGymnasiums()
    {
        var golden = Golden.GetProperty("frozenlake_seed7");
        var actions = golden.GetProperty("actions").Ints();
        var states = golden.GetProperty("states").Ints();
        var lake = new FrozenLake();
        Assert.Equal(states[0], lake.ResetState(7));
        for (var i = 0; i < actions.Length; i++)
        {
            lake.Step(actions[i], out var state);
            Assert.Equal(states[i + 1], state);
        }
    }

    [Fact]
    public void BlackjackOfSeed11DealsGymnasiumsCards()
    {
        var environment = new Blackjack();
        var observation = environment.Reset(11);
        var first = true;
        foreach (var episode in Golden.GetProperty("blackjack_seed11_hit_below_18").EnumerateArray())
        {
            if (!first) environment.Reset(observation.AsSpan());
            first = false;
            var seen = new List<int[]> { observation.ToArray() };
            StepOutcome outcome;
            do
            {
                outcome = environment.Step(observation[0] < 18 ? 1 : 0, observation.AsSpan());
                seen.Add(observation.ToArray());
            }
            while (!outcome.Terminated);
            Assert.Equal(episode.GetProperty("obs").EnumerateArray().Select(x => x.Ints()), seen);
            Assert.Equal(episode.GetProperty("reward").GetDouble(), outcome.Reward);
        }
    }

    [Fact]
    public void VectorSeedGivesCopyITheSeedPlusI()
    {
        var vector = new SyncVectorEnvironment<float, int>(3, () => new CartPole());
        vector.Reset(42);
        var expected = Golden.GetProperty("vector_seed").GetProperty("s42_n3_cartpole").EnumerateArray().SelectMany(x => x.Doubles());
        Assert.Equal(expected, vector.Observations.ToArray().Select(x => (double)x));
    }

    private static void Check<TObservation, TAction>(IEnvironment<TObservation, TAction> environment, ulong seed, JsonElement golden)
        where TObservation : unmanaged, IConvertible
        where TAction : unmanaged, IConvertible
    {
        Assert.Equal(golden.GetProperty("obs").Doubles(), environment.Reset(seed).Select(x => x.ToDouble(null)));
        Assert.Equal(golden.GetProperty("obs_after_second_unseeded_reset").Doubles(), environment.Reset().Select(x => x.ToDouble(null)));
        environment.ActionSpace.Seed(seed);
        foreach (var expected in golden.GetProperty("action_space_samples").EnumerateArray())
        {
            var value = expected.ValueKind == JsonValueKind.Array ? expected[0].GetDouble() : expected.GetDouble();
            Assert.Equal(value, environment.ActionSpace.Sample()[0].ToDouble(null));
        }
    }
}
