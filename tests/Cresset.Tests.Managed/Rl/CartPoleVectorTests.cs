using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class CartPoleVectorTests
{
    [Fact]
    public void OneStreamForAllCopiesEqualsGymnasium()
    {
        var golden = RlReference.Load("wrappers_gymnasium.json").GetProperty("cartpole_vector_seed5");
        var vector = new CartPoleVectorEnvironment(3);
        vector.Reset(5);
        Compare(golden.GetProperty("obs")[0], vector.Observations);
        for (var t = 0; t < 30; t++)
        {
            vector.Step([1, t % 2, 0]);
            Compare(golden.GetProperty("obs")[t + 1], vector.Observations);
            Assert.Equal(golden.GetProperty("reward")[t].Doubles(), vector.Rewards.ToArray());
            Assert.Equal(golden.GetProperty("terminated")[t].EnumerateArray().Select(x => x.GetBoolean()), vector.Terminated.ToArray());
            Assert.Equal(golden.GetProperty("truncated")[t].EnumerateArray().Select(x => x.GetBoolean()), vector.Truncated.ToArray());
        }

        static void Compare(JsonElement expected, ReadOnlySpan<float> actual)
        {
            // NumPy's vectorised sine may differ from the C library's in the last bit of a double.
            var values = expected.Doubles();
            for (var i = 0; i < values.Length; i++) Assert.Equal(values[i], actual[i], 1e-6);
        }
    }

    [Theory]
    [InlineData(false, CartPoleIntegrator.Euler)]
    [InlineData(true, CartPoleIntegrator.SemiImplicitEuler)]
    public void EightAtATimeHaveTheBitsOfOne(bool suttonBarto, CartPoleIntegrator integrator)
    {
        // 37 copies: four blocks and five of their own.
        const int Count = 37, Most = 60;
        var options = new CartPoleOptions { SuttonBartoReward = suttonBarto, Integrator = integrator };
        var vector = new CartPoleVectorEnvironment(Count, Most, options);
        vector.Reset(9);
        var random = new RandomStream(2);
        var states = new CartPoleState[Count];
        var steps = new int[Count];
        var ended = new bool[Count];
        var actions = new int[Count];
        Adopt(Read(vector), all: true);
        var (falls, cuts) = (0, 0);
        for (var t = 0; t < 3000; t++)
        {
            // Half of the copies are held up, so that some live to be cut.
            for (var i = 0; i < Count; i++)
                actions[i] = i % 2 == 0 ? random.NextInt32(2) : states[i].Angle + states[i].AngularVelocity > 0 ? 1 : 0;
            vector.Step(actions);
            var now = Read(vector);
            for (var i = 0; i < Count; i++)
            {
                Assert.Equal(ended[i], vector.IsReset[i]);
                if (ended[i])
                {
                    Assert.Equal((0.0, false, false), (vector.Rewards[i], vector.Terminated[i], vector.Truncated[i]));
                    continue;
                }
                var fell = CartPoleDynamics.Step(ref states[i], actions[i] == 1, integrator == CartPoleIntegrator.SemiImplicitEuler);
                Assert.Equal(states[i], now[i]);
                Assert.Equal((suttonBarto ? fell ? -1.0 : 0 : 1, fell, ++steps[i] >= Most),
                    (vector.Rewards[i], vector.Terminated[i], vector.Truncated[i]));
                Assert.Equal([(float)states[i].Position, (float)states[i].Velocity, (float)states[i].Angle,
                    (float)states[i].AngularVelocity], vector.Observations.Slice(i * 4, 4).ToArray());
                falls += fell ? 1 : 0;
                cuts += vector.Truncated[i] ? 1 : 0;
            }
            Adopt(now, all: false);
        }
        Assert.True(falls > 500 && cuts > 50, $"{falls} fell, {cuts} were cut");

        void Adopt(CartPoleState[] now, bool all)
        {
            for (var i = 0; i < Count; i++)
            {
                if (all || ended[i]) (states[i], steps[i]) = (now[i], 0);
                ended[i] = !all && (vector.Terminated[i] || vector.Truncated[i]);
            }
        }
    }

    // What the vector saves begins with whether it runs and its stream; copies of 37 bytes end it.
    private static CartPoleState[] Read(CartPoleVectorEnvironment vector)
    {
        using var memory = new MemoryStream();
        using (var writer = new BinaryWriter(memory, System.Text.Encoding.UTF8, leaveOpen: true)) vector.Save(writer);
        memory.Position = memory.Length - (vector.Count * ((4 * sizeof(double)) + sizeof(int) + sizeof(bool)));
        using var reader = new BinaryReader(memory);
        var states = new CartPoleState[vector.Count];
        for (var i = 0; i < states.Length; i++)
        {
            states[i] = new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
            reader.ReadInt32();
            reader.ReadBoolean();
        }
        return states;
    }

    [Theory]
    [InlineData(16)]
    [InlineData(37)]
    public void BatchStepsLikeTheExactEnvironmentToFloatRounding(int count)
    {
        var batch = new CartPoleBatch(count, 40);
        batch.Reset(3);
        var random = new RandomStream(1);
        var exact = new CartPole[count];
        for (var i = 0; i < count; i++) exact[i] = new CartPole();
        Adopt(Enumerable.Range(0, count));
        var steps = new int[count];
        var observation = new float[4];
        var actions = new int[count];
        var ends = 0;
        for (var t = 0; t < 200; t++)
        {
            for (var i = 0; i < count; i++) actions[i] = random.NextInt32(2);
            batch.Step(actions);
            for (var i = 0; i < count; i++)
            {
                var outcome = exact[i].Step(actions[i], observation.AsSpan());
                steps[i]++;
                Assert.Equal(outcome.Terminated, batch.Terminated[i]);
                Assert.Equal(steps[i] >= 40, batch.Truncated[i]);
                var ended = batch.Terminated[i] || batch.Truncated[i];
                var row = (ended ? batch.FinalObservations : batch.Observations).Slice(i * 4, 4);
                for (var k = 0; k < 4; k++) Assert.Equal(observation[k], row[k], 1e-6f * (1 + Math.Abs(observation[k])));
                Assert.Equal(batch.Positions[i], batch.Observations[i * 4]);
                Assert.Equal(batch.AngularVelocities[i], batch.Observations[(i * 4) + 3]);
                if (!ended) continue;
                ends++;
                steps[i] = 0;
                for (var k = 0; k < 4; k++) Assert.InRange(batch.Observations[(i * 4) + k], -0.05f, 0.05f);
            }
            Adopt(Enumerable.Range(0, count));
        }
        Assert.True(ends > count);

        void Adopt(IEnumerable<int> copies)
        {
            foreach (var i in copies)
                exact[i].State = new(batch.Positions[i], batch.Velocities[i], batch.Angles[i], batch.AngularVelocities[i]);
        }
    }

    [Fact]
    public void BatchResultsDoNotDependOnTheNumberOfCopiesAndResumeExactly()
    {
        var (small, large) = (new CartPoleBatch(5), new CartPoleBatch(50));
        small.Reset(9);
        large.Reset(9);
        for (var t = 0; t < 60; t++)
        {
            small.Step([.. Enumerable.Repeat(t / 2 % 2, 5)]);
            large.Step([.. Enumerable.Repeat(t / 2 % 2, 50)]);
            Assert.Equal(small.Observations.ToArray(), large.Observations[..20].ToArray());
        }
        var memory = new MemoryStream();
        large.Save(new BinaryWriter(memory));
        memory.Position = 0;
        var copy = new CartPoleBatch(50);
        copy.Load(new BinaryReader(memory));
        for (var t = 0; t < 60; t++)
        {
            large.Step([.. Enumerable.Repeat(1, 50)]);
            copy.Step([.. Enumerable.Repeat(1, 50)]);
            Assert.Equal(large.Observations.ToArray(), copy.Observations.ToArray());
        }
        Assert.Throws<ArgumentException>(() => large.Step([2]));
        Assert.Throws<ArgumentException>(() => small.Step([0, 1, 2, 0, 0]));
    }
}
