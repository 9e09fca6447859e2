using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>The laws of quantizers for one over scales, which takes whole maps; and its figures beside those of a plain script.</summary>
[LeakFree]
public class NextScaleQuantizerTests
{
    private static readonly Dictionary<string, NextScaleQuantizerOptions> Kinds = new()
    {
        ["moving average"] = new() { Scales = [1, 2, 3], Codebook = Small() },
        ["k-means start"] = new() { Scales = [1, 3], Codebook = Small() with { KMeansIterations = 4 } },
        ["gradient"] = new() { Scales = [1, 2, 3], Codebook = Small() with { Learning = CodebookLearning.Gradient } },
        ["rotation"] = new() { Scales = [2, 3], Codebook = Small(), Estimator = GradientEstimator.Rotation, Convolutions = 1 },
        ["angle"] = new() { Scales = [1, 2, 3], Codebook = Small() with { Similarity = CodeSimilarity.Angle }, Convolutions = 0 },
        ["one scale"] = new() { Scales = [3], Codebook = Small() },
    };

    public static TheoryData<string> Names => [.. Kinds.Keys];

    private static CodebookOptions Small() =>
        new() { Size = 12, Width = 6, Start = CodebookStart.Normal, RestartShare = 0.5, KMeansIterations = 0 };

    private static NextScaleQuantizer Make(string name, int seed = 1)
    {
        using var generator = new Generator((ulong)seed);
        return new NextScaleQuantizer(Kinds[name], generator);
    }

    private static Tensor Data(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    [Fact]
    public void ValuesLossesAndGradientsAreThoseOfAPlainScript()
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("next_scale");
        using var quantizer = new NextScaleQuantizer(
            new()
            {
                Scales = [1, 2, 3, 4, 5],
                Convolutions = 2,
                Codebook = new() { Size = 12, Width = 6, Learning = CodebookLearning.Gradient, RestartShare = 0, KMeansIterations = 0 }
            });
        var state = quantizer.state_dict();
        using (no_grad())
        {
            state["_codebook.embed"].copy_(file.Read("table"));
            for (var i = 0; i < 2; i++) state[$"phi.{i}.weight"].copy_(file.Read($"phi.{i}"));
        }
        var map = file.Read("z").requires_grad_();
        var output = quantizer.QuantizeMap(map);
        Golden.Same(file.Read("indices"), output.Indices, "indices");
        Golden.Near(file.Read("values"), output.Quantized, 2e-5, "values");
        Golden.Near(file.Read("loss"), output.Loss, 2e-5, "loss");
        for (var k = 0; k < 5; k++)
        {
            Golden.Near(file.Read("commitment")[k], output.Term($"commitment.{k}"), 2e-5, $"commitment {k}");
            Golden.Near(file.Read("codebook")[k], output.Term($"codebook.{k}"), 2e-5, $"codebook {k}");
        }
        Golden.Near(file.Read("values"), quantizer.DecodeMap(output.Indices), 2e-5, "decoded");
        var coarse = output.Indices.clone();
        coarse.narrow(1, 14, 41).fill_(-1);
        Golden.Near(file.Read("coarse"), quantizer.DecodeMap(coarse), 2e-5, "three scales");
        var inputs = new[] { map, quantizer.get_parameter("_codebook.embed")!, quantizer.get_parameter("phi.0.weight")!,
            quantizer.get_parameter("phi.1.weight")! };
        var gradients = autograd.grad([(output.Quantized * file.Read("upstream")).sum() + output.Loss], inputs);
        foreach (var (key, gradient) in new[] { "grad.z", "grad.table", "grad.phi.0", "grad.phi.1" }.Zip(gradients))
            Golden.Near(file.Read(key), gradient, 1e-4, key);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ValuesOfTheIndicesAreTheQuantizedValuesInEveryTypeAndABatchOfOne(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make(name);
        for (var i = 0; i < 3; i++) quantizer.QuantizeMap(Data(i, 8, 6, 3, 3)).Dispose();
        quantizer.eval();
        var map = Data(9, 4, 6, 3, 3);
        var output = quantizer.QuantizeMap(map);
        var length = quantizer.Scales.Sum(side => side * side);
        Assert.Equal([4L, length], output.Indices.shape);
        Assert.Equal(map.shape, output.Quantized.shape);
        Golden.Near(output.Quantized, quantizer.DecodeMap(output.Indices), 1e-5, name);
        Golden.Same(output.Indices.narrow(0, 1, 1), quantizer.QuantizeMap(map.narrow(0, 1, 1)).Indices, "alone");
        Assert.Equal(quantizer.Scales.Select(side => 4L * side * side), output.Statistics.Batch.Select(usage => usage.Total));
        Assert.Equal(Math.Log2(12) * length / 9, quantizer.BitsPerVector, 1e-9);
        var half = quantizer.QuantizeMap(map.to(ScalarType.BFloat16));
        Assert.Equal(ScalarType.BFloat16, half.Quantized.dtype);
        Assert.Equal(ScalarType.Float32, half.Loss.dtype);
        quantizer.to(ScalarType.BFloat16);
        Assert.Equal(ScalarType.Float32, quantizer.Codebook.Codes.dtype);
        quantizer.QuantizeMap(map).Dispose();
        quantizer.to(ScalarType.Float64);
        var exact = quantizer.QuantizeMap(map.to(ScalarType.Float64));
        Assert.Equal(ScalarType.Float64, exact.Loss.dtype);
        Golden.Near(exact.Quantized, quantizer.DecodeMap(exact.Indices), 1e-12, "float64");
        quantizer.to(ScalarType.Float32);
        Golden.Same(zeros(2, 6, 3, 3), quantizer.DecodeMap(full([2, length], -1L, dtype: ScalarType.Int64)), "none decodes to zero");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientsReachTheInputAndEveryParameter(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make(name);
        var input = Data(2, 5, 6, 3, 3).requires_grad_();
        var output = quantizer.QuantizeMap(input);
        (output.Loss + (output.Quantized * Data(3, 5, 6, 3, 3)).sum()).backward();
        Assert.True(input.grad!.isfinite().all().ToBoolean() && input.grad.abs().sum().ToDouble() > 0);
        foreach (var (key, parameter) in quantizer.named_parameters())
        {
            Assert.True(parameter.grad is not null, key);
            Assert.True(parameter.grad!.isfinite().all().ToBoolean() && parameter.grad.abs().sum().ToDouble() > 0, key);
        }
        quantizer.zero_grad();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SameSeedSameBitsAndTheStateMakesATwin(string name)
    {
        using var scope = NewDisposeScope();
        using NextScaleQuantizer one = Make(name), two = Make(name), other = Make(name, seed: 2);
        for (var i = 0; i < 3; i++)
            Golden.Same(one.QuantizeMap(Data(i, 6, 6, 3, 3)).Quantized, two.QuantizeMap(Data(i, 6, 6, 3, 3)).Quantized, name);
        other.load_state_dict(one.state_dict().ToDictionary(p => p.Key, p => p.Value.clone()));
        var (a, b) = (one.QuantizeMap(Data(7, 6, 6, 3, 3)), other.QuantizeMap(Data(7, 6, 6, 3, 3)));
        Golden.Same(a.Indices, b.Indices, name);
        Golden.Same(a.Quantized, b.Quantized, name);
        Assert.Equal(a.Statistics.Restarted, b.Statistics.Restarted);
    }

    [Fact]
    public void CodesFollowTheVectorsOfAllScalesAndDeadOnesComeBack()
    {
        using var scope = NewDisposeScope();
        using var quantizer = new NextScaleQuantizer(
            new()
            {
                Scales = [1, 2],
                Convolutions = 0,
                Codebook = new() { Size = 2, Width = 1, Decay = 0, Epsilon = 0, RestartShare = 0 }
            });
        using (var codes = tensor(new[] { 0f, 10 }, [2, 1])) quantizer.Codebook.SetCodes(codes);
        var map = tensor(new[] { 9f, 9, 13, 13, -1, -1, 1, 1 }, [2, 1, 2, 2]);
        // Means 11 and 0 choose 10 and 0; what is left, -1 -1 3 3 and -1 -1 1 1, chooses 0 eight times.
        var output = quantizer.QuantizeMap(map);
        Golden.Same(tensor(new[] { 1L, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, [2, 5]), output.Indices, "indices");
        Golden.Near(tensor(new[] { (0 - 2 + 6 + 0f) / 9, 11 }, [2, 1]), quantizer.Codebook.Codes, 1e-6, "means of all scales");
        using var dead = new NextScaleQuantizer(
            new() { Scales = [1, 2], Codebook = new() { Size = 8, Width = 1, KMeansIterations = 0, RestartShare = 0.5 } });
        using (var codes = cat([zeros(1, 1), full([7, 1], 1e4)])) dead.Codebook.SetCodes(codes);
        var restarted = 0;
        for (var i = 0; i < 300 && restarted == 0; i++) restarted = dead.QuantizeMap(Data(i, 8, 1, 2, 2)).Statistics.Restarted;
        Assert.True(restarted > 0 && dead.Codebook.Codes.lt(1e3).sum().ToInt64() > 1);
    }

    [Fact]
    public void CrossEntropyIsThatOfWhatTheGivenCodesLeave()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make("moving average");
        quantizer.eval();
        var input = Data(4, 3, 3, 3, 6).requires_grad_();
        var own = quantizer.call(input).Indices;
        var other = own.clone();
        other[0, 5] = (own[0, 5] + 1).remainder(12);
        var (near, far) = (quantizer.CrossEntropy(input, own), quantizer.CrossEntropy(input, other));
        Assert.True(near.ToDouble() < far.ToDouble());
        Assert.True(autograd.grad([near], [input])[0].isfinite().all().ToBoolean());
        other.narrow(1, 0, 13).fill_(-1);
        Assert.True(double.IsFinite(quantizer.CrossEntropy(input, other).ToDouble()));
    }

    [Fact]
    public void BadInputIsNamedAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make("moving average");
        quantizer.QuantizeMap(Data(1, 4, 6, 3, 3)).Dispose();
        var before = quantizer.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        var bad = Data(2, 4, 3, 3, 6);
        bad[2, 1, 0, 1] = float.NaN;
        foreach (var policy in Enum.GetValues<NonFinitePolicy>())
        {
            quantizer.NonFinite = policy;
            Assert.Contains("[2, 1, 0]", Assert.Throws<ArgumentException>(() => quantizer.call(bad)).Message, StringComparison.Ordinal);
        }
        void Refused<T>(string said, Action call)
            where T : Exception => Assert.Contains(said, Assert.ThrowsAny<T>(call).Message, StringComparison.Ordinal);
        Refused<ShapeException>("[N, 3, 3, 6]", () => quantizer.call(Data(2, 4, 9, 6)));
        Refused<ShapeException>("QuantizeMap", () => quantizer.QuantizeMap(Data(2, 4, 6, 4, 3)));
        Refused<ArgumentException>("leave it out", () => quantizer.Quantize(Data(2, 4, 3, 3, 6), ones([4, 3, 3], ScalarType.Bool)));
        Refused<ShapeException>("L=14", () => quantizer.Decode(zeros([2, 13], ScalarType.Int64)));
        var indices = zeros([2, 14], ScalarType.Int64);
        indices[1, 3] = 12;
        Refused<ArgumentException>("Index 12 at position [1, 3]", () => quantizer.Decode(indices));
        foreach (var (key, value) in quantizer.state_dict()) Golden.Same(before[key], value, key);
    }

    [Fact]
    public void OptionsThatCannotBeAreRefused()
    {
        string Said(QuantizerOptions options) => string.Join("; ", options.Validate().Select(p => p.ToString()));
        var scales = new NextScaleQuantizerOptions();
        foreach (var wrong in new IReadOnlyList<int>[] { [], [2, 2], [3, 1], [0, 1], [1, 2000] })
            Assert.Contains("sides that grow", Said(scales with { Scales = wrong }), StringComparison.Ordinal);
        Assert.Contains("Euclidean or Angle", Said(scales with { Codebook = Small() with { Similarity = CodeSimilarity.Cosine } }),
            StringComparison.Ordinal);
        foreach (var outer in new QuantizerOptions[] { new ResidualQuantizerOptions { Stage = scales },
            new MultiHeadQuantizerOptions { Head = scales }, new ProjectedQuantizerOptions { Inner = scales } })
            Assert.Contains("a quantizer of single vectors", Said(outer), StringComparison.Ordinal);
        using var narrow = scales.ForWidth(8).Build();
        Assert.Equal(8, Assert.IsType<NextScaleQuantizer>(narrow).Width);
    }
}
