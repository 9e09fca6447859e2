using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Wrappers, spaces and maps against Gymnasium (tests/References/rl/make_wrappers.py).</summary>
public sealed class WrapperTests
{
    private static readonly JsonElement Golden = RlReference.Load("wrappers_gymnasium.json");

    private static TimeLimit<float, int> Cart => new(new CartPole(), 500);

    private static TimeLimit<float, int> Car => new(new MountainCar(), 200);

    private static TimeLimit<float, float> Swing => new(new Pendulum(), 200);

    [Fact]
    public void ObservationWrappers()
    {
        Check("normalize_observation", new NormalizeObservation<int>(Cart), 1e-6);
        Check("rescale_observation", new RescaleObservation<int>(Car), 1e-6);
        Check("frame_stack_reset", new FrameStack<float, int>(Cart, 3));
        Check("frame_stack_zero", new FrameStack<float, int>(Cart, 3, padWithZeros: true));
        Check("time_aware", new TimeAwareObservation<int>(Cart), 1e-6);
        Check("time_aware_normalized", new TimeAwareObservation<int>(Cart, normalize: true), 1e-6);
        Check("delay", new DelayObservation<float, int>(Cart, 2));
        Check("max_and_skip", new RepeatAction<int>(Cart, 4, maxOfLastTwo: true));
        Check("discretize_observation", new DiscretizeObservation<int>(Car, 10));
    }

    [Fact]
    public void RewardAndActionWrappers()
    {
        Check("normalize_reward", new NormalizeReward<float, float>(Swing, 0.9), 1e-9);
        Check("normalize_reward_cartpole", new NormalizeReward<float, int>(Cart), 1e-9);
        Check("rescale_action", new RescaleAction<float>(Swing), 1e-6);
        Check("clip_action", new ClipAction<float>(Swing));
        Check("discretize_action", new DiscretizeAction<float>(Swing, 10));
        Check("sticky", new StickyAction<float, int>(Cart, 0.4));
        Check("sticky_duration", new StickyAction<float, int>(Cart, 0.4, 1, 3));
        var clipped = new TransformReward<float, int>(Cart, r => Math.Clamp(r, 0, 0.5));
        var observation = clipped.Reset(1);
        Assert.Equal(0.5, clipped.Step(1, observation.AsSpan()).Reward);
    }

    [Fact]
    public void StatisticsOfEpisodes()
    {
        var environment = new RecordEpisodeStatistics<float, int>(Cart, 2);
        var observation = environment.Reset(1);
        for (var episode = 0; episode < 3; episode++)
        {
            var length = 1;
            while (!environment.Step(1, observation.AsSpan()).Ended) length++;
            Assert.Equal(new EpisodeRecord(length, length), environment.Last);
            environment.Reset(observation.AsSpan());
        }
        Assert.Equal(3, environment.EpisodeCount);
        Assert.Equal(2, environment.Recent.Count);
    }

    [Fact]
    public void RandomMapsAndFicklePassengers()
    {
        foreach (var map in Golden.GetProperty("frozen_lake_maps").EnumerateObject())
        {
            Assert.Equal(map.Value.EnumerateArray().Select(r => r.GetString()), FrozenLakeMap.Random(6, 0.7, ulong.Parse(map.Name)));
        }
        var mask = new bool[6];
        foreach (var run in Golden.GetProperty("taxi_fickle").EnumerateArray())
        {
            var taxi = new Taxi(new() { FicklePassenger = true, FickleProbability = 0.9 });
            var states = run.GetProperty("states").Ints();
            Assert.Equal(states[0], taxi.ResetState(run.GetProperty("seed").GetUInt64()));
            for (var t = 0; t < 60; t++)
            {
                taxi.WriteActionMask(mask);
                var moves = Enumerable.Range(0, 4).Where(a => mask[a]).ToArray();
                taxi.StepState(mask[4] ? 4 : moves[t * 7 % moves.Length], out var state);
                Assert.Equal(states[t + 1], state);
            }
        }
    }

    [Fact]
    public void SamplesOfSpaces()
    {
        var golden = Golden.GetProperty("spaces_seed1");
        Samples(golden.GetProperty("box"),
            new Box([-1, 0, float.NegativeInfinity, float.NegativeInfinity], [2, float.PositiveInfinity, 3, float.PositiveInfinity]));
        Samples(golden.GetProperty("multi_discrete"), new MultiDiscrete([3, 5, 2]));
        Samples(golden.GetProperty("multi_binary"), new MultiBinary(5));
        Samples(golden.GetProperty("tuple"), new TupleSpace<int>(new Discrete(7), new Discrete(9, -4)));
        var masked = new Discrete(5);
        masked.Seed(1);
        foreach (var x in golden.GetProperty("discrete_masked_0_2_3").Ints())
            Assert.Equal(x, masked.Sample([true, false, true, true, false]));
        foreach (var x in golden.GetProperty("then_discrete_probability").Ints()) Assert.Equal(x, masked.Sample([0.1, 0.2, 0.3, 0.2, 0.2]));
        var named = new DictSpace<int>(new Dictionary<string, Space<int>> { ["b"] = new Discrete(3), ["a"] = new MultiDiscrete([4, 4]) });
        Assert.Equal([2], named.Part([1, 3, 2], "b").ToArray());
        Assert.True(named.Contains([3, 3, 2]));
        Assert.False(named.Contains([4, 3, 2]));
        Assert.Throws<KeyNotFoundException>(() => named["c"]);
    }

    [Fact]
    public void SavedEnvironmentsGoOnExactly()
    {
        Resume(() =>
            new StickyAction<float, int>(
                new NormalizeReward<float, int>(new NormalizeObservation<int>(new FrameStack<float, int>(Cart, 2))), 0.3),
                (r, _) => r.NextInt32(2));
        Resume(() => new TimeLimit<float, int>(new Acrobot(new() { TorqueNoise = 0.2 }), 50), (r, _) => r.NextInt32(3));
        Resume(() => new TimeLimit<int, int>(new Taxi(new() { FicklePassenger = true, IsRainy = true }), 40), (r, _) => r.NextInt32(6));
        Resume(() => new Blackjack(), (r, _) => r.NextInt32(2));
        Resume(() => ChangingWorld.BlockingMaze(), (r, _) => r.NextInt32(4));
        Resume(() => new SuttonMountainCar(), (r, _) => r.NextInt32(3));
        Resume(() => new DelayObservation<float, int>(Car, 3), (r, _) => r.NextInt32(3));
        Resume(() => new CarRental(), (_, _) => 5);
    }

    private static void Resume<TObservation>(Func<IEnvironment<TObservation, int>> make, Func<Cresset.Numerics.RandomStream, int, int> act)
        where TObservation : unmanaged
    {
        var random = new Cresset.Numerics.RandomStream(5);
        var first = make();
        var a = first.Reset(3);
        for (var i = 0; i < 70; i++) Go(first, a, act(random, i));
        var memory = new MemoryStream();
        first.Save(new BinaryWriter(memory));
        memory.Position = 0;
        var second = make();
        second.Load(new BinaryReader(memory));
        Assert.Equal(memory.Length, memory.Position);
        var b = new TObservation[a.Length];
        for (var i = 0; i < 150; i++)
        {
            var action = act(random, i);
            Assert.Equal(Go(first, a, action), Go(second, b, action));
            Assert.Equal(a, b);
        }
    }

    private static StepOutcome Go<TObservation>(IEnvironment<TObservation, int> environment, TObservation[] observation, int action)
        where TObservation : unmanaged
    {
        var outcome = environment.Step(action, observation.AsSpan());
        if (outcome.Ended) environment.Reset(observation.AsSpan());
        return outcome;
    }

    private static void Samples<T>(JsonElement expected, Space<T> space)
        where T : unmanaged, IConvertible
    {
        space.Seed(1);
        foreach (var row in expected.EnumerateArray())
        {
            var sample = space.Sample();
            Assert.Equal(row.Doubles(), sample.Select(x => x.ToDouble(null)));
            Assert.True(space.Contains(sample));
        }
    }

    private static void Check<TObservation, TAction>(string name, IEnvironment<TObservation, TAction> environment, double tolerance = 0)
        where TObservation : unmanaged, IConvertible
        where TAction : unmanaged, IConvertible
    {
        var golden = Golden.GetProperty(name);
        var seen = golden.GetProperty("obs").EnumerateArray().Select(x => x.Doubles()).GetEnumerator();
        var rewards = golden.GetProperty("reward").Doubles();
        var ended = golden.GetProperty("ended").EnumerateArray().Select(x => x.GetBoolean()).ToArray();
        var observation = environment.Reset(golden.GetProperty("seed").GetUInt64());
        var step = 0;
        Compare();
        foreach (var action in golden.GetProperty("actions").Doubles())
        {
            var outcome = environment.Step((TAction)Convert.ChangeType(action, typeof(TAction)), observation.AsSpan());
            Compare();
            Assert.Equal(rewards[step], outcome.Reward, tolerance);
            Assert.Equal(ended[step++], outcome.Ended);
            if (!outcome.Ended) continue;
            environment.Reset(observation.AsSpan());
            Compare();
        }

        void Compare()
        {
            Assert.True(seen.MoveNext());
            for (var i = 0; i < observation.Length; i++)
            {
                var expected = seen.Current[i];
                Assert.True(Math.Abs(expected - observation[i].ToDouble(null)) <= tolerance * Math.Max(1, Math.Abs(expected)),
                    $"{name} step {step} [{i}]: {expected:R} against {observation[i]}");
            }
        }
    }
}
