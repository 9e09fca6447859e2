using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>PPO, A2C and GAE against PyTorch's autograd (tests/References/rl/make_policy_gradients.py).</summary>
[LeakFree]
public sealed class PolicyGradientTests
{
    private static readonly JsonElement Golden = Load();

    [Theory]
    [InlineData("ppo_discrete")]
    [InlineData("ppo_value_clip")]
    [InlineData("ppo_continuous")]
    [InlineData("a2c_discrete")]
    public void LossesGradientsAndStepsEqualPyTorch(string name)
    {
        var golden = Golden.GetProperty(name);
        ActionDistribution actions = golden.GetProperty("continuous").GetBoolean() ? new GaussianActions(2) : new CategoricalActions(3);
        var options = new ActorCriticOptions
        {
            Hidden = [8, 8],
            ClipRange = golden.GetProperty("clip").GetDouble(),
            ValueClipRange = golden.GetProperty("value_clip").GetDouble(),
            NormalizeAdvantages = golden.GetProperty("normalize").GetBoolean(),
            EntropyCoefficient = golden.GetProperty("entropy_coefficient").GetDouble(),
            ClipNorm = golden.GetProperty("clip_norm").GetDouble(),
            Beta1 = golden.GetProperty("beta1").GetDouble(),
            Beta2 = golden.GetProperty("beta2").GetDouble(),
            Epochs = 1,
            Minibatches = 1,
        };
        var rows = golden.GetProperty("returns").GetArrayLength();
        var learner = new ActorCritic(4, actions, options, rows, new RandomStream(1));
        using (var state = new Snapshot())
        {
            Put(state, "policy.", golden.GetProperty("policy"));
            Put(state, "value.", golden.GetProperty("value"));
            state.Put("log_std", Floats(golden.GetProperty("log_std")));
            learner.LoadPolicy(state);
        }
        var batch = new ActorCriticBatch(rows, 4, actions.ActionSize);
        Floats(golden.GetProperty("observations")).CopyTo(batch.Observations, 0);
        Floats(golden.GetProperty("actions")).CopyTo(batch.Actions, 0);
        Floats(golden.GetProperty("log_probs")).CopyTo(batch.LogProbs, 0);
        Floats(golden.GetProperty("values")).CopyTo(batch.Values, 0);
        Floats(golden.GetProperty("returns")).CopyTo(batch.Returns, 0);
        Floats(golden.GetProperty("advantages")).CopyTo(batch.Advantages, 0);

        var figures = learner.Evaluate(batch);
        Near("policy loss", golden.GetProperty("policy_loss").GetDouble(), figures.PolicyLoss);
        Near("value loss", golden.GetProperty("value_loss").GetDouble(), figures.ValueLoss);
        Near("entropy", golden.GetProperty("entropy").GetDouble(), figures.Entropy);
        if (options.ClipRange > 0) Near("kl", golden.GetProperty("kl").GetDouble(), figures.Kl);
        Near("clipped", golden.GetProperty("clipped").GetDouble(), figures.Clipped);
        Near("norm", golden.GetProperty("norm").GetDouble(), figures.Norm);
        SameLayers("policy gradient", golden.GetProperty("policy_gradient"), learner.PolicyNetwork, learner.PolicyNetwork.Gradients);
        SameLayers("value gradient", golden.GetProperty("value_gradient"), learner.ValueNetwork, learner.ValueNetwork.Gradients);
        Same("log std gradient", Floats(golden.GetProperty("log_std_gradient")), actions.FreeGradient, 1e-5);

        for (var step = 0; step < golden.GetProperty("steps").GetInt32(); step++)
        {
            if (step > 0) figures = learner.Evaluate(batch);
            learner.Step(golden.GetProperty("learning_rate").GetDouble(), figures.Norm);
        }
        SameLayers("policy", golden.GetProperty("policy_after"), learner.PolicyNetwork, learner.PolicyNetwork.Parameters);
        SameLayers("value", golden.GetProperty("value_after"), learner.ValueNetwork, learner.ValueNetwork.Parameters);
        Same("log std", Floats(golden.GetProperty("log_std_after")), actions.Free, 2e-5);
    }

    [Fact]
    public void AdvantagesFollowTheirDefinition()
    {
        foreach (var golden in Golden.GetProperty("gae").EnumerateArray())
        {
            var (rewards, values, next) = (Floats(golden.GetProperty("rewards")), Floats(golden.GetProperty("values")),
                Floats(golden.GetProperty("next_values")));
            var (advantages, returns) = (new float[rewards.Length], new float[rewards.Length]);
            GeneralizedAdvantage.Compute(rewards, values, next, Flags(golden.GetProperty("terminated")),
                Flags(golden.GetProperty("truncated")), golden.GetProperty("gamma").GetDouble(), golden.GetProperty("lambda").GetDouble(),
                advantages, returns);
            Same("advantages", Floats(golden.GetProperty("advantages")), advantages, 1e-5);
            for (var t = 0; t < returns.Length; t++) Assert.Equal(advantages[t] + values[t], returns[t]);
        }
        Assert.Throws<ArgumentException>(
            () => GeneralizedAdvantage.Compute([1, 2], [1], [1, 2], [false, false], [false, false], 1, 1, new float[2], new float[2]));
        float[] normal = [1, 2, 3, 10];
        GeneralizedAdvantage.Normalize(normal);
        Assert.Equal(0, normal.Sum(), 1e-5);
        Assert.Equal(3, normal.Sum(x => x * x), 1e-4);
    }

    [Fact]
    public void DrawsFollowTheirDistributions()
    {
        var random = new RandomStream(5);
        var choices = new CategoricalActions(3);
        float[] logits = [0.3f, -1.2f, 1.1f];
        var counts = new int[3];
        var action = new float[1];
        const int Draws = 40_000;
        for (var i = 0; i < Draws; i++)
        {
            Assert.Equal(choices.Sample(logits, random, action), choices.LogProb(logits, action));
            counts[(int)action[0]]++;
        }
        for (var i = 0; i < 3; i++)
        {
            var p = Math.Exp(choices.LogProb(logits, [i]));
            Assert.InRange(counts[i], (Draws * p) - (5 * Math.Sqrt(Draws * p)), (Draws * p) + (5 * Math.Sqrt(Draws * p)));
        }
        choices.Mode(logits, action);
        Assert.Equal(2, action[0]);

        var normal = new GaussianActions(2, -0.5);
        var pair = new float[2];
        var (sum, squares) = (0.0, 0.0);
        for (var i = 0; i < Draws; i++)
        {
            normal.Sample([1, -2], random, pair);
            sum += pair[1];
            squares += (pair[1] + 2) * (pair[1] + 2);
        }
        Assert.Equal(-2, sum / Draws, 0.02);
        Assert.Equal(Math.Exp(-0.5), Math.Sqrt(squares / Draws), 0.02);
    }

    private static JsonElement Load()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Repository.Reference("rl/policy_gradients.json")));
        return document.RootElement.Clone();
    }

    private static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(x => x.GetSingle())];

    private static bool[] Flags(JsonElement array) => [.. array.EnumerateArray().Select(x => x.GetBoolean())];

    private static void Put(Snapshot state, string prefix, JsonElement layers)
    {
        var i = 0;
        foreach (var layer in layers.EnumerateArray())
        {
            state.Put($"{prefix}layers.{i}.weight", Floats(layer.GetProperty("weight")));
            state.Put($"{prefix}layers.{i++}.bias", Floats(layer.GetProperty("bias")));
        }
    }

    private static void SameLayers(string what, JsonElement golden, MlpNetwork network, ReadOnlySpan<float> values)
    {
        var i = 0;
        foreach (var expected in golden.EnumerateArray())
        {
            var layer = network.Layers[i];
            var (weight, bias) = (Floats(expected.GetProperty("weight")), Floats(expected.GetProperty("bias")));
            for (var o = 0; o < layer.Outputs; o++)
            {
                for (var k = 0; k < layer.Inputs; k++)
                    Near($"{what} {i} [{o}, {k}]", weight[(o * layer.Inputs) + k], values[layer.Weight + (k * layer.Stride) + o]);
                Near($"{what} {i} bias [{o}]", bias[o], values[layer.Bias + o]);
            }
            i++;
        }
        Assert.Equal(network.Layers.Length, i);
    }

    private static void Same(string what, float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])),
                $"{what} [{i}]: {actual[i]} against {expected[i]}");
    }

    private static void Near(string what, double expected, double actual) =>
        Assert.True(Math.Abs(expected - actual) <= 2e-5 * Math.Max(1, Math.Abs(expected)), $"{what}: {actual} against {expected}");
}
