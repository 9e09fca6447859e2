using System.Text.Json;
using Cresset.Numerics;
using Cresset.Tests.Managed.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Random;

public sealed class NumpyStreamTests
{
    private static readonly JsonElement Golden = RlReference.Load("seeding_numpy_pcg64.json");

    [Fact]
    public void RawWordsEqualNumpy()
    {
        foreach (var seed in Golden.GetProperty("pcg64_raw").EnumerateObject())
        {
            var stream = new Pcg64(ulong.Parse(seed.Name));
            foreach (var expected in seed.Value.EnumerateArray()) Assert.Equal(expected.GetUInt64(), stream.Next());
        }
    }

    [Fact]
    public void SeedSequenceWordsEqualNumpy()
    {
        foreach (var seed in Golden.GetProperty("seed_sequence_state_uint64x4").EnumerateObject())
        {
            var words = new ulong[4];
            new SeedSequence(ulong.Parse(seed.Name)).Generate(words);
            Assert.Equal(seed.Value.EnumerateArray().Select(x => x.GetUInt64()), words);
        }
    }

    [Fact]
    public void ChildrenEqualNumpySpawn()
    {
        var words = new ulong[2];
        var children = new SeedSequence(42).Spawn(3);
        var expected = Golden.GetProperty("seed_sequence_spawn").GetProperty("42").EnumerateArray().ToArray();
        for (var i = 0; i < 3; i++)
        {
            children[i].Generate(words);
            Assert.Equal(expected[i].EnumerateArray().Select(x => x.GetUInt64()), words);
        }
        Assert.Equal(new RandomStream(new SeedSequence(42).Child(1)).NextUInt64(), new RandomStream(42).Spawn(2)[1].NextUInt64());
    }

    [Fact]
    public void DoublesIntegersNormalsAndPermutationsEqualNumpy()
    {
        Check("random_double", (s, x) => Assert.Equal(x.GetDouble(), s.NextDouble()));
        Check("integers_0_10", (s, x) => Assert.Equal(x.GetInt32(), s.NextInt32(10)));
        Check("integers_scalar_calls_0_3", (s, x) => Assert.Equal(x.GetInt32(), s.NextInt32(3)));
        Check("standard_normal", (s, x) => Assert.Equal(x.GetDouble(), s.NextNormal()));
        foreach (var seed in Golden.GetProperty("permutation_10").EnumerateObject())
        {
            Assert.Equal(seed.Value.EnumerateArray().Select(x => x.GetInt32()), new RandomStream(ulong.Parse(seed.Name)).Permutation(10));
        }
    }

    // Values printed by NumPy 2.2.4: exponentials with tail strips, 64-bit Lemire, int8 integers, choice with p.
    [Fact]
    public void RarerDrawsEqualNumpy()
    {
        var golden = RlReference.Load("numpy_rare_draws.json");
        var stream = new RandomStream(5);
        var sum = 0.0;
        for (var i = 0; i < 200_000; i++) sum += stream.NextNormal();
        Assert.Equal(golden.GetProperty("normal_sum_200000_seed5").GetDouble(), sum);
        stream = new RandomStream(6);
        sum = 0;
        for (var i = 0; i < 200_000; i++) sum += stream.NextExponential();
        Assert.Equal(golden.GetProperty("exponential_sum_200000_seed6").GetDouble(), sum);
        stream = new RandomStream(7);
        foreach (var x in golden.GetProperty("integers_0_2pow40_seed7").EnumerateArray())
            Assert.Equal(x.GetInt64(), stream.NextInt64(0, 1L << 40));
        foreach (var x in golden.GetProperty("then_integers_minus5_6").EnumerateArray())
            Assert.Equal(x.GetInt64(), stream.NextInt64(-5, 6));
        stream = new RandomStream(8);
        var small = new sbyte[11];
        stream.FillInt8(small, 2);
        Assert.Equal(golden.GetProperty("int8_0_2_seed8").EnumerateArray().Select(x => x.GetSByte()), small);
        stream.FillInt8(small, 100);
        Assert.Equal(golden.GetProperty("then_int8_0_100").EnumerateArray().Select(x => x.GetSByte()), small);
        foreach (var x in golden.GetProperty("then_choice_p").EnumerateArray())
            Assert.Equal(x.GetInt32(), stream.ChoiceIndex([0.1, 0.2, 0.3, 0.4]));
        stream = new RandomStream(9);
        foreach (var x in golden.GetProperty("random_float32_seed9").EnumerateArray()) Assert.Equal(x.GetSingle(), stream.NextSingle());
    }

    [Fact]
    public void SavedStateResumesExactlyEvenBetweenHalves()
    {
        var stream = new RandomStream(3);
        _ = stream.NextInt32(10);
        var copy = new RandomStream(stream.State);
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(stream.NextInt32(1000), copy.NextInt32(1000));
            Assert.Equal(stream.NextNormal(), copy.NextNormal());
        }
        Assert.Throws<InvalidOperationException>(() => copy.Spawn(1));
    }

    [Fact]
    public void AdvanceEqualsStepping()
    {
        var far = new Pcg64(11);
        var near = far;
        far.Advance(12345);
        for (var i = 0; i < 12345; i++) near.Next();
        Assert.Equal(near, far);
        Assert.Equal(near.Next(), far.Next());
    }

    [Fact]
    public void BadArgumentsAreNamed()
    {
        var stream = new RandomStream(0);
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextInt32(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextInt64(4, 4));
        Assert.Throws<ArgumentException>(() => stream.Choice(ReadOnlySpan<int>.Empty));
        Assert.Contains("sum to 0.5", Assert.Throws<ArgumentException>(() => stream.ChoiceIndex([0.5])).Message, StringComparison.Ordinal);
    }

    private static void Check(string property, Action<RandomStream, JsonElement> check)
    {
        foreach (var seed in Golden.GetProperty(property).EnumerateObject())
        {
            var stream = new RandomStream(ulong.Parse(seed.Name));
            foreach (var expected in seed.Value.EnumerateArray()) check(stream, expected);
        }
    }
}
