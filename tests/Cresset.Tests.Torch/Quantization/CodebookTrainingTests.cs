using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Codebooks in training: every combination of options, batches of every size, every number type.</summary>
[LeakFree]
public class CodebookTrainingTests
{
    private static IEnumerable<VectorQuantizerOptions> Combinations()
        => from learning in Enum.GetValues<CodebookLearning>()
           from similarity in Enum.GetValues<CodeSimilarity>()
           from estimator in Enum.GetValues<GradientEstimator>()
           from start in Enum.GetValues<AverageStart>()
           from restart in new[] { 0, 0.5 }
           from diversity in new[] { 0, 0.1 }
           from orthogonal in new[] { 0, 0.1 }
           from iterations in new[] { 0, 3 }
           let options = new VectorQuantizerOptions
           {
               Codebook =
                   new()
                   {
                       Size = 12,
                       Width = 4,
                       Learning = learning,
                       Similarity = similarity,
                       AverageStart = start,
                       RestartShare = restart,
                       KMeansIterations = iterations,
                       Decay = 0.5
                   },
               Estimator = estimator,
               DiversityWeight = diversity,
               OrthogonalWeight = orthogonal,
           }
           where !options.Validate().Any()
           select options;

    [Fact]
    public void EveryValidCombinationOfOptionsTrainsAloneAndInStages()
    {
        var count = 0;
        foreach (var options in Combinations())
        {
            Train(options, options.ToString());
            var staged = new ResidualQuantizerOptions { Stage = options, SharedCodebook = count % 2 == 0 };
            if (!staged.Validate().Any()) Train(staged, $"stages of {options}");
            count++;
        }
        Assert.True(count > 80, $"only {count} combinations");
    }

    private static void Train(QuantizerOptions options, string name)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var quantizer = options.Build(generator);
        var restarted = 0;
        for (var step = 0; step < 4; step++)
        {
            var input = randn([3, 5, 4], generator: generator).requires_grad_();
            var output = quantizer.call(input);
            restarted += output.Statistics.Restarted;
            try
            {
                (output.Loss + output.Quantized.square().sum()).backward();
            }
            catch (Exception e)
            {
                Assert.Fail($"step {step} of {name}: {e.Message.Split('\n')[0]}");
            }
            Assert.True(input.grad!.isfinite().all().ToBoolean(), name);
            using var noGrad = no_grad();
            foreach (var parameter in quantizer.parameters())
            {
                Assert.True(parameter.grad!.isfinite().all().ToBoolean(), name);
                parameter.sub_(parameter.grad! * 0.1);
                parameter.grad.zero_();
            }
        }
        if (options is VectorQuantizerOptions { Codebook.RestartShare: > 0 })
            Assert.True(restarted > 0, $"nothing was restarted: the case does not try what it is for ({name})");
    }

    [Fact]
    public void TheStagesOfADirectionalResidualPassTheGradientOnceAndReachTheirCodes()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        var stage =
            new VectorQuantizerOptions
            {
                Codebook =
                new()
                {
                    Size = 8,
                    Width = 4,
                    Learning = CodebookLearning.Gradient,
                    Start = CodebookStart.Normal,
                    KMeansIterations = 0,
                    RestartShare = 0
                },
                Estimator = GradientEstimator.Directional,
                DirectionalVariance = 0
            };
        using var quantizer = new ResidualQuantizer(new() { Stages = 3, Stage = stage }, generator);
        var input = randn([6, 4], generator: generator).requires_grad_();
        var output = quantizer.call(input);
        // Without noise each stage moves exactly onto its code.
        quantizer.eval();
        Golden.Near(quantizer.Decode(output.Indices), output.Quantized, 1e-5, "values");
        var weight = randn([6, 4], generator: generator);
        (output.Quantized * weight).sum().backward();
        // z + sum |c_i - r_i| d_i with d_i constant: the derivative by z is w - sum (d_i . w) d_i.
        var expected = weight.clone();
        var residual = input.detach();
        for (var i = 0; i < 3; i++)
        {
            var codes = ((VectorQuantizer)quantizer.Stage(i)).Codebook.Codes.detach().index_select(0, output.Indices.select(1, i));
            var direction = nn.functional.normalize(codes - residual, 2, 1);
            expected = expected - (direction * (direction * weight).sum(1, true));
            residual = residual - codes;
        }
        Golden.Near(expected, input.grad!, 1e-4, "gradient");
        Assert.All(quantizer.parameters(), p => Assert.True(p.grad!.abs().sum().ToDouble() > 0));
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(512, 64)]
    [InlineData(64, 1024)]
    [InlineData(256, 16)]
    public void ACodebookAtItsDefaultsSettlesNearKMeansWhateverTheVectorsACode(int codes, int vectors)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        var places = randn([64, 8], generator: generator);
        Tensor Rows(int count) =>
            places.index_select(0, randint(0, 64, [count], dtype: ScalarType.Int64, generator: generator))
                + (0.3 * randn([count, 8], generator: generator));
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = codes, Width = 8 } }, generator);
        var steps = Math.Max(400, 51200 / vectors / 4);
        var restarted = 0;
        var warnings = new List<string>();
        for (var step = 0; step < steps; step++)
        {
            using var inner = NewDisposeScope();
            var output = quantizer.call(Rows(vectors));
            if (step >= steps / 2) restarted += output.Statistics.Restarted;
            warnings.AddRange(output.Statistics.Warnings);
        }
        quantizer.eval();
        var test = Rows(4096);
        var error = quantizer.call(test).Statistics.Error;
        var seen = Rows(steps * vectors > 20000 ? 20000 : steps * vectors);
        // Lloyd's algorithm from random vectors, which itself stays a tenth above the best.
        var (centres, _) = KMeans.Lloyd(seen, seen.index_select(0, randperm(seen.size(0), generator: generator).narrow(0, 0, codes)), 30);
        var best = (test - centres.index_select(0, CodeSearch.Nearest(test, centres, CodeMetric.Euclidean))).square().mean().ToDouble();
        var text = $"{codes} codes, {vectors} vectors: error {error:G4}, k-means {best:G4}, restarts a step {restarted / (steps / 2.0):F2}";
        Assert.True(error <= 1.1 * best, text);
        Assert.True(restarted / (steps / 2.0) < 0.05 * Math.Min(codes, vectors), text);
        Assert.Empty(warnings);
    }

    [Fact]
    public void ACodebookThatCannotSettleSaysSo()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = 128, Width = 4, RestartShare = 0.9, Decay = 0.5 } },
            generator);
        var warnings = new List<string>();
        for (var step = 0; step < 100; step++)
        {
            using var inner = NewDisposeScope();
            warnings.AddRange(quantizer.call(randn([64, 4], generator: generator)).Statistics.Warnings);
        }
        Assert.Contains("cannot settle", Assert.Single(warnings));
        Assert.Contains("Lower RestartShare (0.9)", warnings[0]);
    }

    public static TheoryData<string> Names => QuantizerFamily.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void ValuesHaveTheTypeOfTheInputWhateverTheTypeOfTheModule(string name)
    {
        ScalarType[] types = [ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16];
        foreach (var module in types)
        {
            foreach (var type in types)
            {
                using var scope = NewDisposeScope();
                using var quantizer = QuantizerFamily.Make(name);
                quantizer.to(module);
                using var generator = new Generator(5);
                var input = randn([4, 20, 6], generator: generator).to(type).requires_grad_();
                var output = quantizer.call(input);
                Assert.Equal(type, output.Quantized.dtype);
                (output.Loss.to(ScalarType.Float64) + output.Quantized.to(ScalarType.Float64).sum()).backward();
                Assert.Equal(type, input.grad!.dtype);
                Assert.True(input.grad.isfinite().all().ToBoolean(), $"{module} module, {type} input");
                quantizer.eval();
                output = quantizer.call(input.detach());
                Golden.Near(quantizer.Decode(output.Indices), output.Quantized,
                    type == ScalarType.Float32 || type == ScalarType.Float64
                        ? (module is ScalarType.BFloat16 or ScalarType.Float16 ? 2e-2 : 1e-4) : 2e-2, $"{module} module, {type} input");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void OneVectorAloneIsQuantizedAsInABatch(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        using var generator = new Generator(6);
        quantizer.call(randn([40, 6], generator: generator)).Dispose();
        quantizer.call(randn([6], generator: generator)).Dispose();
        quantizer.eval();
        var batch = randn([2, 6], generator: generator);
        var (alone, both) = (quantizer.call(batch[0]), quantizer.call(batch));
        Assert.Equal([6L], alone.Quantized.shape);
        Assert.Equal(quantizer.CodebookSizes.Count == 1 ? [] : [quantizer.CodebookSizes.Count], alone.Indices.shape);
        Golden.Same(both.Indices[0], alone.Indices, name);
        Golden.Near(both.Quantized[0], quantizer.Decode(alone.Indices), 1e-5, name);
    }

    [Fact]
    public void CodesPutInPlaceUnderCosineSimilarityGetLengthOne()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = 8, Width = 4, Similarity = CodeSimilarity.Cosine } },
            generator);
        var codes = randn([8, 4], generator: generator) * linspace(1, 16, 8).unsqueeze(1);
        quantizer.Codebook.SetCodes(codes);
        quantizer.eval();
        Golden.Near(ones(8), quantizer.Codebook.Codes.norm(1), 1e-6, "lengths");
        var input = randn([50, 4], generator: generator);
        Golden.Same(nn.functional.normalize(input, 2, 1).matmul(nn.functional.normalize(codes, 2, 1).t()).argmax(1),
            quantizer.call(input).Indices, "by angle");
        Assert.Contains("direction", Assert.Throws<ArgumentException>(() => quantizer.Codebook.SetCodes(zeros(8, 4))).Message);
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => quantizer.Codebook.SetCodes(full([8, 4], float.NaN))).Message);
    }

    [Fact]
    public void EncodingInTrainingModeLeavesTheTokenizerAsItWas()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(9);
        using var tokenizer = new VqVae(new() { Channels = 1, Width = 8 },
            new VectorQuantizer(new() { Codebook = new() { Size = 8, Width = 4 } }, generator), generator);
        var before = tokenizer.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        var codes = tokenizer.Encode(randn([2, 1, 8, 8], generator: generator))[0];
        foreach (var (key, value) in tokenizer.state_dict()) Golden.Same(before[key], value, key);
        Assert.All(tokenizer.modules(), m => Assert.True(m.training));
        Assert.Equal([2L, 2, 2], codes.shape);
    }
}
