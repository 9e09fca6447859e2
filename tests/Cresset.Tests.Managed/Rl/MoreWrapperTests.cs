using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Wrappers and spaces against Gymnasium (tests/References/rl/make_more_wrappers.py), and the checks of environments.</summary>
public sealed class MoreWrapperTests
{
    private static readonly JsonElement Golden = RlReference.Load("more_wrappers.json");

    [Fact]
    public void WrappersEqualGymnasiums()
    {
        Check("autoreset", new Autoreset<float, int>(new TimeLimit<float, int>(new CartPole(), 500)));
        Check("flatten_frozen_lake", new FlattenObservation<int>(new FrozenLake(new() { IsSlippery = false })));
        Check("flatten_blackjack", new FlattenObservation<int>(new Blackjack()));
        var space = new Box(float.NegativeInfinity, float.PositiveInfinity, 4);
        Check("transform_observation", new TransformObservation<float, float, int>(new CartPole(), space, (inner, outer) =>
        {
            for (var i = 0; i < inner.Length; i++) outer[i] = (2 * inner[i]) + 1;
        }));
        Check("clip_reward", new ClipReward<float, int>(new MountainCar(), min: -0.25));
    }

    [Fact]
    public void AutoresetMarksTheStepThatOnlyResets()
    {
        var environment = new Autoreset<float, int>(new CartPole());
        var observation = environment.Reset(3);
        while (!environment.Step(1, observation.AsSpan()).Ended) Assert.False(environment.IsReset);
        Assert.False(environment.IsReset);
        var outcome = environment.Step(1, observation.AsSpan());
        Assert.True(environment.IsReset);
        Assert.Equal((0.0, false), (outcome.Reward, outcome.Ended));
        environment.Step(1, observation.AsSpan());
        Assert.False(environment.IsReset);
    }

    [Fact]
    public void SpacesSampleLikeGymnasiums()
    {
        var texts = Golden.GetProperty("text");
        Texts(texts.GetProperty("alphanumeric_6"), new TextSpace(6), 1);
        Texts(texts.GetProperty("abc_0_4"), new TextSpace(4, 0, "cab"), 2);
        Texts(texts.GetProperty("fixed_3"), new TextSpace(3, 3), 3);
        Rows(Golden.GetProperty("dict_seed5"),
            new DictSpace<int>(
                new Dictionary<string, Space<int>>
                {
                    ["b"] = new Discrete(3),
                    ["a"] = new MultiDiscrete([4, 4]),
                    ["c"] = new Discrete(9, -4)
                }), 5);
        Rows(Golden.GetProperty("nested_tuple_seed6"),
            new TupleSpace<int>(new TupleSpace<int>(new Discrete(5), new Discrete(6)), new MultiDiscrete([3, 7], [2, -3])), 6);
        Rows(Golden.GetProperty("multi_binary_2x9_seed7"), new MultiBinary(18), 7);
    }

    [Fact]
    public void TextsKnowTheirElements()
    {
        var space = new TextSpace(5, 2, "xyzx");
        Assert.Equal("xyz", space.Letters);
        Assert.True(space.Contains("xyz"));
        Assert.False(space.Contains("x"));
        Assert.False(space.Contains("xyzxyz"));
        Assert.False(space.Contains("xa"));
        Assert.True(space.Contains("xy\0\0\0".AsSpan()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TextSpace(2, 3));
        Assert.Throws<ArgumentException>(() => new TextSpace(2, 1, ""));
    }

    [Fact]
    public void EveryEnvironmentOfTheCatalogKeepsTheContract()
    {
        foreach (var spec in EnvironmentCatalog.All.Where(e => !e.Validate().Any()))
        {
            switch (spec.Make())
            {
                case IEnvironment<int, int>: EnvironmentChecks.Check(() => spec.Create<int, int>(), 300, 7); break;
                case IEnvironment<float, int>: EnvironmentChecks.Check(() => spec.Create<float, int>(), 300, 7); break;
                case IEnvironment<float, float>: EnvironmentChecks.Check(() => spec.Create<float, float>(), 300, 7); break;
                default: Assert.Fail(spec.Name + " has other observations or actions."); break;
            }
        }
    }

    [Fact]
    public void BrokenEnvironmentsAreFound()
    {
        TransformObservation<float, float, int> Outside() => new(new CartPole(), new Box(0, 1, 4), (inner, outer) => inner.CopyTo(outer));
        Assert.Contains("lies outside Box", Assert.Throws<EnvironmentContractException>(() => EnvironmentChecks.Check(Outside)).Message,
            StringComparison.Ordinal);
        var infinite = new EnvironmentChecker<float, int>(new TransformReward<float, int>(new CartPole(), _ => double.NaN));
        var observation = infinite.Reset(1);
        Assert.Contains("reward of step 1 is NaN",
            Assert.Throws<EnvironmentContractException>(() => infinite.Step(1, observation.AsSpan())).Message, StringComparison.Ordinal);
        var calls = 0;
        TransformReward<float, int> Unequal() => new(new CartPole(), r => r + calls++);
        Assert.Contains("equal seeds and actions",
            Assert.Throws<EnvironmentContractException>(() => EnvironmentChecks.Check(Unequal)).Message, StringComparison.Ordinal);
        var fresh = new EnvironmentChecker<float, int>(new CartPole());
        Assert.Contains("call Reset", Assert.Throws<InvalidOperationException>(() => fresh.Step(0, observation.AsSpan())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void PartsOfObservationsAreKeptByName()
    {
        var space = new DictSpace<float>(
            new Dictionary<string, Space<float>> { ["angle"] = new Box(-10, 10, 2), ["cart"] = new Box(-10, 10, 2) });
        var named = new TransformObservation<float, float, int>(new CartPole(), space,
            (inner, outer) => (outer[0], outer[1], outer[2], outer[3]) = (inner[2], inner[3], inner[0], inner[1]));
        var kept = new FilterObservation<float, int>(named, "cart");
        Assert.Equal(new CartPole().Reset(5)[..2], kept.Reset(5));
        Assert.Equal(2, kept.ObservationSpace.Size);
        Assert.Throws<KeyNotFoundException>(() => new FilterObservation<float, int>(named, "wheel"));
        Assert.Throws<ArgumentException>(() => new FilterObservation<float, int>(new CartPole(), "cart"));
    }

    [Fact]
    public void ActionsAreTransformed()
    {
        var mirrored = new TransformAction<float, int, int>(new CartPole(), new Discrete(2), (outer, inner) => inner[0] = 1 - outer[0]);
        var plain = new CartPole();
        var (a, b) = (mirrored.Reset(2), plain.Reset(2));
        Assert.Equal(plain.Step(0, b.AsSpan()), mirrored.Step(1, a.AsSpan()));
        Assert.Equal(b, a);
    }

    [Fact]
    public void FilmsOfSomeEpisodes()
    {
        var films = new List<(long Episode, int Frames)>();
        var environment = new RecordFrames<float, int>(new CartPole(), (episode, frames) => films.Add((episode, frames.Count)),
            maxFrames: 6);
        var observation = environment.Reset(1);
        for (var episode = 0; episode < 3; episode++)
        {
            while (!environment.Step(1, observation.AsSpan()).Ended)
            {
            }
            environment.Reset(observation.AsSpan());
        }
        Assert.Equal([(0L, 6), (1L, 6)], films);
        Assert.Equal([0L, 1, 8, 27, 64, 125, 216, 343, 512, 729, 1000, 2000],
            Enumerable.Range(0, 2001).Select(i => (long)i).Where(RecordFrames<float, int>.IsCubeOrThousandth));
        Assert.Throws<ArgumentException>(() => new ClipReward<float, int>(new CartPole()));
        Assert.Throws<ArgumentException>(() => new ClipReward<float, int>(new CartPole(), 1, 0));
    }

    private static void Texts(JsonElement golden, TextSpace space, ulong seed)
    {
        space.Seed(seed);
        foreach (var expected in golden.EnumerateArray()) Assert.Equal(expected.GetString(), space.SampleText());
    }

    private static void Rows<T>(JsonElement golden, Space<T> space, ulong seed)
        where T : unmanaged, IConvertible
    {
        space.Seed(seed);
        foreach (var expected in golden.EnumerateArray()) Assert.Equal(expected.Doubles(), space.Sample().Select(x => x.ToDouble(null)));
    }

    private static void Check<TObservation>(string name, IEnvironment<TObservation, int> environment)
        where TObservation : unmanaged, IConvertible
    {
        var golden = Golden.GetProperty(name);
        var seen = golden.GetProperty("obs").EnumerateArray().Select(x => x.Doubles()).ToArray();
        var observation = environment.Reset(golden.GetProperty("seed").GetUInt64());
        Assert.Equal(seen[0], observation.Select(x => x.ToDouble(null)));
        var step = 0;
        foreach (var action in golden.GetProperty("actions").Ints())
        {
            var outcome = environment.Step(action, observation.AsSpan());
            Assert.Equal(golden.GetProperty("reward")[step].GetDouble(), outcome.Reward);
            Assert.Equal(golden.GetProperty("ended")[step].GetBoolean(), outcome.Ended);
            Assert.Equal(seen[++step], observation.Select(x => x.ToDouble(null)));
        }
    }
}
