using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class AutoresetTests
{
    private static readonly JsonElement Golden = RlReference.Load("vector_autoreset.json").GetProperty("modes");

    [Theory]
    [InlineData(AutoresetMode.NextStep, 1)]
    [InlineData(AutoresetMode.SameStep, 1)]
    [InlineData(AutoresetMode.Disabled, 1)]
    [InlineData(AutoresetMode.NextStep, 2)]
    [InlineData(AutoresetMode.SameStep, 2)]
    public void ThirtyStepsEqualGymnasiumAtAnyThreadCount(AutoresetMode mode, int threads)
    {
        var golden = Golden.GetProperty(mode.ToString());
        var vector = new SyncVectorEnvironment<float, int>(2, () => new TimeLimit<float, int>(new CartPole(), 14), mode, threads);
        vector.Reset([42UL, 7UL]);
        Assert.Equal(Rows(golden.GetProperty("reset_obs")), Doubles(vector.Observations));
        foreach (var step in golden.GetProperty("steps").EnumerateArray())
        {
            vector.Step(step.GetProperty("actions").Ints());
            Assert.Equal(step.GetProperty("reward").Doubles(), vector.Rewards.ToArray());
            Assert.Equal(step.GetProperty("terminated").EnumerateArray().Select(Truth), vector.Terminated.ToArray());
            Assert.Equal(step.GetProperty("truncated").EnumerateArray().Select(Truth), vector.Truncated.ToArray());
            var ended = Enumerable.Range(0, 2).Select(i => vector.Terminated[i] || vector.Truncated[i]).ToArray();
            if (mode == AutoresetMode.SameStep && step.TryGetProperty("final_obs", out var final) && final.ValueKind == JsonValueKind.Array)
            {
                for (var i = 0; i < 2; i++)
                {
                    if (ended[i]) Assert.Equal(final[i].Doubles(), Doubles(vector.FinalObservations.Slice(i * 4, 4)));
                }
            }
            Assert.Equal(Rows(step.GetProperty("obs")), Doubles(vector.Observations));
            if (mode == AutoresetMode.Disabled && ended.Contains(true))
            {
                vector.Reset(ended);
                if (step.TryGetProperty("obs_after_masked_reset", out var after)) Assert.Equal(Rows(after), Doubles(vector.Observations));
            }
        }
    }

    [Fact]
    public void MisuseIsNamed()
    {
        var vector = new SyncVectorEnvironment<float, int>(2, () => new TimeLimit<float, int>(new CartPole(), 1), AutoresetMode.Disabled);
        vector.Reset(1);
        vector.Step([0, 1]);
        Assert.Contains("reset it by mask", Assert.Throws<InvalidOperationException>(() => vector.Step([0, 1])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => vector.Step([0]));
        Assert.Throws<ArgumentException>(() => vector.Reset([false, false]));
        var shared = new CartPole();
        Assert.Throws<ArgumentException>(() => new SyncVectorEnvironment<float, int>([shared, shared]));
    }

    private static bool Truth(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetInt32() != 0 : value.GetBoolean();

    private static double[] Rows(JsonElement rows) => [.. rows.EnumerateArray().SelectMany(r => r.Doubles())];

    private static double[] Doubles(ReadOnlySpan<float> values) => [.. values.ToArray().Select(x => (double)x)];
}
