using Cresset.Data;
using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public class AdversarialTests
{
    private static readonly TokenizerOptions Options =
        new()
        {
            Quantizer = new VectorQuantizerOptions { Codebook = new() { Size = 16, Width = 4 } },
            Width = 8,
            AdversarialWeight = 0.5,
            AdversarialStart = 2,
            DiscriminatorWidth = 4,
            DiscriminatorLayers = 1
        };
    private static readonly OptimizationOptions Adam = new()
    {
        Optimizer = new AdamRule { LearningRate = 1e-3 },
        Schedule = ConstantSchedule.Flat
    };

    private static DataSplit Digits() => new DigitsData().Open(new DataUse(TargetKind.None, NeedsPictures: true));

    private static Dictionary<string, Tensor> Train(string folder, int steps, int saveEvery)
    {
        Seeding.Apply(3);
        using var task = new TokenizerTask(Options, Digits(), 3);
        using var trainer = new Trainer(task,
            new() { Steps = steps, BatchSize = 16, ClipNorm = 0, EvaluateEvery = 0, CheckpointEvery = saveEvery, Seed = 3 }, Adam,
            NullRunRecorder.Instance, new CheckpointFolder(folder));
        trainer.TryResume(out _);
        trainer.Run();
        var all = StateDict.Of(task.Module)
            .Concat(StateDict.Of(task.Auxiliaries[0].Module).Select(p => KeyValuePair.Create("discriminator/" + p.Key, p.Value)));
        return all.ToDictionary(p => p.Key, p => p.Value.clone());
    }

    [Fact]
    public void AResumedGameEndsWithTheBitsOfOneThatWasNotStopped()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-gan").FullName;
        try
        {
            using var scope = NewDisposeScope();
            var whole = Train(Path.Combine(folder, "whole"), 8, 0);
            Train(Path.Combine(folder, "parts"), 5, 5);
            var parts = Train(Path.Combine(folder, "parts"), 8, 0);
            Assert.Equal(whole.Keys.Order(), parts.Keys.Order());
            foreach (var (key, value) in whole) Golden.Same(value, parts[key], key);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void TheDiscriminatorLearnsFromItsStartOnAndItsGameMovesTheTokenizer()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-gan").FullName;
        try
        {
            using var scope = NewDisposeScope();
            Dictionary<string, Tensor> two = Train(Path.Combine(folder, "two"), 2, 0), four = Train(Path.Combine(folder, "four"), 4, 0);
            using var fresh = new TokenizerTask(Options, Digits(), 3);
            var first = StateDict.Of(fresh.Auxiliaries[0].Module);
            foreach (var (key, value) in first) Golden.Same(value, two["discriminator/" + key], key);
            Assert.Contains(first, p => !p.Value.eq(four["discriminator/" + p.Key]).all().ToBoolean());
            using var plain = new TokenizerTask(Options with { AdversarialWeight = 0 }, Digits(), 3);
            Assert.Empty(plain.Auxiliaries);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void TheAdversarialTermLeavesNoGradientInTheDiscriminator()
    {
        Seeding.Apply(3);
        using var task = new TokenizerTask(Options with { AdversarialStart = 0 }, Digits(), 3);
        using var trainer = new Trainer(task, new() { Steps = 1, BatchSize = 16, Seed = 3 }, Adam, NullRunRecorder.Instance);
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var context = new StepContext(0, 1, generator, CPU, NullRunRecorder.Instance, true);
        task.Loss(new Batch(rand([4, 1, 8, 8], generator: generator), null), context).backward();
        Assert.All(task.Auxiliaries[0].Module.parameters(),
            p => Assert.True(p.grad is null || p.grad.IsInvalid || p.grad.abs().max().ToDouble() == 0));
        Assert.All(task.Module.parameters(), p => Assert.False(p.grad is null || p.grad.IsInvalid));
        using (no_grad()) task.AfterStep(context);
    }

    [Fact]
    public void OutputStartsAtTheMeansOfTheChannels()
    {
        using var generator = new Generator(1);
        foreach (var upsampler in BuiltInParts.Catalog.Of("upsampler").Select(p => (Cresset.Nn.UpsamplerOptions)p.Create()))
        {
            using var scope = NewDisposeScope();
            using var model = new VqVae(new() { Channels = 2, Width = 8, Upsampler = upsampler },
                new VectorQuantizer(new() { Codebook = new() { Size = 4, Width = 8 } }, generator), generator);
            using var noGrad = no_grad();
            model.OutputWeight.zero_();
            model.StartOutputAt(tensor(new[] { 0.25f, 0.75f }));
            var output = model.call(rand([3, 2, 8, 8], generator: generator)).Reconstruction;
            Golden.Near(tensor(new[] { 0.25f, 0.75f }), output.mean([0, 2, 3]), 1e-6, $"{upsampler}");
            Assert.Throws<ShapeException>(() => model.StartOutputAt(zeros(3)));
        }
    }
}
