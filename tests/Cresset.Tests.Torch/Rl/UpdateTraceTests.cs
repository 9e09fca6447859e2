using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Twelve updates as PyTorch makes them, and the native path against libtorch over all kinds of values.</summary>
[LeakFree]
public sealed class UpdateTraceTests
{
    private static readonly int[] Widths = [4, 20, 12, 2];

    public static TheoryData<int, NetworkBackend> Traces() => new()
    {
        { 0, NetworkBackend.Native }, { 1, NetworkBackend.Native }, { 2, NetworkBackend.Native },
        { 0, NetworkBackend.Torch }, { 1, NetworkBackend.Torch }, { 2, NetworkBackend.Torch },
    };

    [Theory]
    [MemberData(nameof(Traces))]
    public void TwelveUpdatesEqualPyTorch(int index, NetworkBackend backend)
    {
        var trace = DeepReference.Root.GetProperty("traces")[index];
        var options = new DqnOptions
        {
            Hidden = [20, 12],
            LayerNorm = trace.GetProperty("layer_norm").GetBoolean(),
            Double = trace.GetProperty("double").GetBoolean(),
            Loss = trace.GetProperty("loss").GetString() == "huber" ? ValueLoss.Huber : ValueLoss.Squared,
            BatchSize = 16,
            ClipNorm = 2,
            Backend = backend,
        };
        using var learner = Learner(options);
        using (var start = DeepReference.State(trace.GetProperty("start"), "", Widths)) learner.LoadPolicy(start);
        learner.FollowTarget(1);
        var batch = new ReplayBatch(16, 4);
        var errors = new float[16];
        for (var step = 0; step < 12; step++)
        {
            Fill(batch, trace.GetProperty("batches")[step]);
            var (loss, norm) = learner.Update(batch, 3e-3, errors);
            Assert.Equal(trace.GetProperty("losses")[step].GetDouble(), loss, 2e-4);
            Assert.Equal(trace.GetProperty("norms")[step].GetDouble(), norm, 2e-3);
            if (step % 5 == 4) learner.FollowTarget(0.5);
        }
        using var end = DeepReference.State(trace.GetProperty("end"), "", Widths);
        using var ours = new Snapshot();
        learner.SavePolicy(ours);
        Same(end, ours, 3e-5f);
    }

    public static TheoryData<string> Variants() =>
        ["mean", "double", "dueling", "munchausen", "categorical", "categorical-dueling-double", "quantile", "quantile-dueling", "noisy",
            "normalized", "rainbow"];

    [Theory]
    [MemberData(nameof(Variants))]
    public void BothBackEndsLearnTheSame(string name)
    {
        var options = Variant(name) with { Hidden = [37, 24], BatchSize = 32, ClipNorm = 1 };
        using var native = Learner(options with { Backend = NetworkBackend.Native });
        using var torch = Learner(options with { Backend = NetworkBackend.Torch });
        var (a, b) = (new float[32], new float[32]);
        var batch = new ReplayBatch(32, 4);
        var random = new RandomStream(3);
        for (var step = 0; step < 25; step++)
        {
            foreach (ref var value in batch.Observations.AsSpan()) value = (float)random.NextNormal();
            foreach (ref var value in batch.NextObservations.AsSpan()) value = (float)random.NextNormal();
            for (var i = 0; i < 32; i++)
            {
                (batch.Actions[i], batch.Returns[i], batch.Discounts[i]) = (random.NextInt32(3), (float)random.NextNormal(),
                    random.NextInt32(5) == 0 ? 0 : 0.97f);
                batch.Weights[i] = 0.2f + (0.8f * random.NextSingle());
            }
            if (options.Noisy)
            {
                native.DrawNoise();
                torch.DrawNoise();
            }
            var ours = native.Update(batch, 1e-3, a);
            var theirs = torch.Update(batch, 1e-3, b);
            Assert.Equal(theirs.Loss, ours.Loss, 1e-4 * Math.Max(1, Math.Abs(theirs.Loss)));
            Assert.Equal(theirs.Norm, ours.Norm, 2e-3 * Math.Max(1, theirs.Norm));
            for (var i = 0; i < 32; i++) Assert.Equal(b[i], a[i], 1e-3f);
            if (step % 7 != 6) continue;
            native.FollowTarget(0.3);
            torch.FollowTarget(0.3);
        }
        using var left = new Snapshot();
        using var right = new Snapshot();
        native.SavePolicy(left);
        torch.SavePolicy(right);
        Same(right, left, 1e-4f);
        var (mine, other) = (new float[96], new float[96]);
        native.Values(batch.Observations, 32, mine, noise: false);
        torch.Values(batch.Observations, 32, other, noise: false);
        for (var i = 0; i < 96; i++) Assert.Equal(other[i], mine[i], 1e-3f);
    }

    [Fact]
    public void RegressionIsTheSameToo()
    {
        var options = new DqnOptions { Hidden = [20], LayerNorm = true, BatchSize = 8, Loss = ValueLoss.Squared };
        using var native = Learner(options with { Backend = NetworkBackend.Native });
        using var torch = Learner(options with { Backend = NetworkBackend.Torch });
        var random = new RandomStream(9);
        for (var step = 0; step < 10; step++)
        {
            float[] observations = [.. Enumerable.Range(0, 32).Select(_ => (float)random.NextNormal())];
            int[] actions = [.. Enumerable.Range(0, 8).Select(_ => random.NextInt32(3))];
            float[] goals = [.. Enumerable.Range(0, 8).Select(_ => (float)random.NextNormal())];
            Assert.Equal(torch.Regress(observations, actions, goals, 1e-3).Loss, native.Regress(observations, actions, goals, 1e-3).Loss,
                1e-4);
        }
    }

    private static DqnOptions Variant(string name) => name switch
    {
        "double" => new() { Double = true },
        "dueling" => new() { Dueling = true, Loss = ValueLoss.Squared },
        "munchausen" => new() { Munchausen = true },
        "categorical" => new() { Values = ValueKind.Categorical, Atoms = 21, MinimumValue = -3, MaximumValue = 3 },
        "categorical-dueling-double" =>
            new() { Values = ValueKind.Categorical, Atoms = 21, MinimumValue = -3, MaximumValue = 3, Dueling = true, Double = true },
        "quantile" => new() { Values = ValueKind.Quantile, Atoms = 15 },
        "quantile-dueling" => new() { Values = ValueKind.Quantile, Atoms = 9, Dueling = true, Kappa = 0.5 },
        "noisy" => new() { Noisy = true },
        "normalized" => new() { LayerNorm = true, Double = true },
        "rainbow" => DqnOptions.Rainbow with { Atoms = 11, MinimumValue = -3, MaximumValue = 3 },
        _ => new(),
    };

    private static QLearner Learner(DqnOptions options)
    {
        var streams = new RolloutStreams(5);
        var actions = options.BatchSize == 16 ? 2 : 3;
        return options.Backend == NetworkBackend.Native
            ? new NativeQLearner(4, actions, options, streams.Weights, streams.Noise)
            : new TorchQLearner(new Box(-1, 1, 4), actions, options, streams, null);
    }

    private static void Fill(ReplayBatch batch, JsonElement source)
    {
        source.Floats("here").CopyTo(batch.Observations, 0);
        source.Floats("next").CopyTo(batch.NextObservations, 0);
        source.Ints("actions").CopyTo(batch.Actions, 0);
        source.Floats("returns").CopyTo(batch.Returns, 0);
        source.Floats("discounts").CopyTo(batch.Discounts, 0);
        source.Floats("weights").CopyTo(batch.Weights, 0);
    }

    private static void Same(Snapshot expected, Snapshot actual, float tolerance)
    {
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        foreach (var (key, tensor) in expected.Tensors)
        {
            Assert.Equal(tensor.shape, actual.Tensors[key].shape);
            var (left, right) = (new float[tensor.numel()], new float[tensor.numel()]);
            expected.Get(key, left);
            actual.Get(key, right);
            for (var i = 0; i < left.Length; i++)
                Assert.True(Math.Abs(left[i] - right[i]) <= tolerance, $"{key}[{i}]: {left[i]} and {right[i]}");
        }
    }
}
