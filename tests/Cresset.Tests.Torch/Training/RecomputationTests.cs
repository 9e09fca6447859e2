using Cresset.Data;
using Cresset.Nn;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

/// <summary>Networks that compute parts of themselves again in the backward pass: the same bits, less memory kept.</summary>
[LeakFree]
public sealed class RecomputationTests
{
    public static TheoryData<string> Nets => ["classifier", "unet", "transformer", "scales"];

    [Theory]
    [MemberData(nameof(Nets))]
    public void LossGradientsStatisticsAndDrawsAreTheSameBits(string name)
    {
        var (plain, again) = (Step(name, false), Step(name, true));
        Assert.Equal(plain.Keys, again.Keys);
        foreach (var (key, values) in plain) Assert.True(values.AsSpan().SequenceEqual(again[key]), key);
    }

    [Fact]
    public void EveryNetOfThisKindIsTried()
    {
        var able = new[] { typeof(UNet).Assembly, typeof(CodeTransformer).Assembly, typeof(PictureClassifier).Assembly }.Distinct()
            .SelectMany(a => a.GetTypes()).Where(t => t.IsAssignableTo(typeof(IRecomputes)));
        Assert.Equal([nameof(CodeTransformer), nameof(NextScaleTransformer), nameof(PictureClassifier), nameof(UNet)],
            able.Select(t => t.Name).Order());
    }

    [Fact]
    public void DerivativesOfDerivativesAreRefusedAndAFailureIsAnException()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 2);
        var x = randn(3, 2).requires_grad_(true);
        var y = Recomputation.Call([layer], i => layer.call(i[0]).tanh(), x).sum();
        Assert.Contains("first derivatives only",
            Assert.Throws<InvalidOperationException>(() => Derivatives.Of([y], [x], createGraph: true)).Message, StringComparison.Ordinal);
        var calls = 0;
        var failing = Recomputation.Call([layer], i => calls++ == 0 ? layer.call(i[0]) : throw new InvalidDataException("the second time"),
            x).sum();
        Assert.Contains("the second time", Assert.Throws<InvalidOperationException>(() => Derivatives.Backward(failing)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ATrainerRefusesWhatANetworkCannotDo()
    {
        using var task = new LineTask();
        var error = Assert.Throws<ArgumentException>(
            () => new Trainer(task, new TrainerOptions { Recompute = true }, new OptimizationOptions(), NullRunRecorder.Instance));
        Assert.Contains("trainer.recompute", error.Message, StringComparison.Ordinal);
    }

    // Two steps: the second sees the statistics and the random stream that the first left.
    private static Dictionary<string, byte[]> Step(string name, bool recomputes)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        using var generator = new Generator(1);
        var (net, inputs) = Make(name, generator);
        ((IRecomputes)net).Recomputes = recomputes;
        net.train();
        var found = new Dictionary<string, byte[]>();
        for (var step = 0; step < 2; step++)
        {
            var loss =
                (net is CodePrior prior ? prior.call(inputs, null) : name == "unet" ? ((UNet)net).call(inputs)
                    : ((nn.Module<Tensor, Tensor>)net).call(inputs)).square().mean();
            Derivatives.Backward(loss);
            found[$"loss {step}"] = Bytes(loss);
        }
        foreach (var (key, parameter) in net.named_parameters()) found[$"gradient of {key}"] = Bytes(parameter.grad!);
        foreach (var (key, buffer) in net.named_buffers()) found[key] = Bytes(buffer);
        using var stream = get_rng_state();
        found["stream"] = Bytes(stream);
        net.Dispose();
        return found;
    }

    private static byte[] Bytes(Tensor tensor) => tensor.detach().cpu().contiguous().bytes.ToArray();

    private static (nn.Module Net, Tensor Inputs) Make(string name, Generator generator) => name switch
    {
        "classifier" =>
            (new PictureClassifier(new ClassifierOptions { Width = 4, Dropout = 0.5 },
                new DataFacts { Name = "x", Shape = [3, 16, 16], Classes = ["a", "b"] }), rand(4, 3, 16, 16, generator: generator)),
        "unet" =>
            (new UNet(1, 2, new UNetOptions { Channels = [8, 16], BlocksPerLevel = 1, Dropout = 0.3, Norm = new BatchNormOptions() },
                generator), rand(2, 1, 16, 16, generator: generator)),
        "scales" =>
            (new NextScaleTransformer(new() { CodebookSize = 7, Scales = [1, 2, 3], Width = 16, Heads = 2, Dropout = 0.3 }, generator),
                randint(0, 7, [3, 1, 14], generator: generator)),
        _ => (new CodeTransformer(
            new CodeTransformerOptions { CodebookSize = 7, Width = 16, Layers = 2, Heads = 2, MaxLength = 16, Dropout = 0.3 }, generator),
            randint(0, 7, [3, 4, 4], generator: generator)),
    };
}
