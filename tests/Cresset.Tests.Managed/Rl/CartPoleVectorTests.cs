using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class CartPoleVectorTests
{
    [Fact]
    public void One_stream_for_all_copies_equals_gymnasium()
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
    [InlineData(16)]
    [InlineData(37)]
    public void Batch_steps_like_the_exact_environment_to_float_rounding(int count)
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
            foreach (var i in copies) exact[i].State = new(batch.Positions[i], batch.Velocities[i], batch.Angles[i], batch.AngularVelocities[i]);
        }
    }

    [Fact]
    public void Batch_results_do_not_depend_on_the_number_of_copies_and_resume_exactly()
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
