using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class MovingAverageTests
{
    private static VectorQuantizer Make(Tensor codes, double decay, AverageStart start = AverageStart.Codes,
        CodeSimilarity similarity = CodeSimilarity.Euclidean, double restart = 0, double epsilon = 1e-5)
    {
        var quantizer = new VectorQuantizer(
            new()
            {
                Codebook =
                new()
                {
                    Size = (int)codes.size(0),
                    Width = (int)codes.size(1),
                    Decay = decay,
                    AverageStart = start,
                    Similarity = similarity,
                    RestartShare = restart,
                    Epsilon = epsilon
                }
            });
        quantizer.Codebook.SetCodes(codes);
        quantizer.train();
        return quantizer;
    }

    [Theory]
    [InlineData("vqp_d99", 0.99, AverageStart.Codes, CodeSimilarity.Euclidean)]
    [InlineData("vqp_d80", 0.8, AverageStart.Codes, CodeSimilarity.Euclidean)]
    [InlineData("cosine_d99", 0.99, AverageStart.Codes, CodeSimilarity.Cosine)]
    [InlineData("sonnet_rule_d99", 0.99, AverageStart.Debiased, CodeSimilarity.Euclidean)]
    public void FiveUpdates(string rule, double decay, AverageStart start, CodeSimilarity similarity)
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("ema");
        using var quantizer = Make(file.Read(similarity == CodeSimilarity.Cosine ? "cosine.codebook0" : "codebook0"), decay, start,
            similarity);
        var batches = file.Read("batches");
        for (var t = 1; t <= 5; t++)
        {
            Golden.Same(file.Read($"{rule}.t{t}.indices"), quantizer.call(batches[t - 1]).Indices, $"indices, step {t}");
            // The peers' files hold the state after step 5 under every step's key; only Sonnet's rule was stored step by step.
            if (t < 5 && start == AverageStart.Codes) continue;
            Golden.Near(file.Read($"{rule}.t{t}.codebook"), quantizer.Codebook.Codes, 1e-4, $"codebook, step {t}");
            Golden.Near(file.Read($"{rule}.t{t}.cluster_size"),
                quantizer.Codebook.ClusterSize / Bias(t, file.Read($"{rule}.t{t}.cluster_size")), 1e-4, $"counts, step {t}");
            Golden.Near(file.Read($"{rule}.t{t}.embed_avg"),
                quantizer.Codebook.ClusterSum / Bias(t, file.Read($"{rule}.t{t}.cluster_size")), 1e-4, $"sums, step {t}");
        }

        // Debiased counts sum to the batch's 32 vectors from the first step on.
        double Bias(int t, Tensor counts) =>
            start == AverageStart.Debiased && Math.Abs(counts.sum().ToDouble() - 32) < 1e-3 ? 1 - Math.Pow(decay, t) : 1;
    }

    [Fact]
    public void PaddingTouchesNothing()
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("ema");
        using var quantizer = Make(file.Read("codebook0"), 0.99);
        var input = file.Read("batches")[0].reshape(2, 16, 4);
        var output = quantizer.Quantize(input, file.Read("masked.mask"));
        Golden.Same(file.Read("masked.indices"), output.Indices, "indices");
        Golden.Near(file.Read("masked.quantized"), output.Quantized, 2e-5, "quantized");
        Golden.Near(file.Read("masked.commit_loss"), output.Term("commitment"), 2e-5, "commitment");
        Golden.Near(file.Read("masked.cluster_size"), quantizer.Codebook.ClusterSize, 1e-4, "counts");
        Golden.Near(file.Read("masked.embed_avg"), quantizer.Codebook.ClusterSum, 1e-4, "sums");
        Golden.Near(file.Read("masked.codebook"), quantizer.Codebook.Codes, 1e-4, "codebook");
    }

    [Fact]
    public void ARestartedCodeSurvivesTheNextStep()
    {
        using var scope = NewDisposeScope();
        using var quiet = Make(zeros(2, 1), 0.5, restart: 0.1);
        quiet.Codebook.SetCodes(tensor(new float[] { 0, 50 }, [2, 1]));
        for (var i = 0; i < 4; i++) quiet.call(zeros(8, 1)).Dispose();
        Golden.Near(zeros(2, 1), quiet.Codebook.Codes, 1e-5, "restarted onto the data");
        quiet.call(zeros(8, 1)).Dispose();
        Golden.Near(zeros(2, 1), quiet.Codebook.Codes, 1e-5, "and still there");
    }

    [Fact]
    public void DecayZeroGivesClusterMeansAndKeepsCodesNobodyChose()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(9);
        var codes = cat([randn([6, 3], generator: generator), full([1, 3], 100f)]);
        using var quantizer = Make(codes, 0, epsilon: 0);
        var rows = randn([200, 3], generator: generator);
        var output = quantizer.call(rows);
        for (var k = 0; k < 7; k++)
        {
            var mine = output.Indices.eq(k);
            var expected = mine.any().ToBoolean() ? rows[mine].to(ScalarType.Float64).mean([0]) : codes[k];
            Golden.Near(expected, quantizer.Codebook.Codes[k], 1e-6, $"code {k}");
        }
    }

    [Fact]
    public void EvaluationChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("ema");
        using var quantizer = Make(file.Read("codebook0"), 0.8, restart: 0.5);
        quantizer.eval();
        var before = quantizer.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        quantizer.call(file.Read("batches")[0]).Dispose();
        foreach (var (key, value) in quantizer.state_dict()) Golden.Same(before[key], value, key);
    }

    [Fact]
    public void AResumedRunDrawsWhatTheOtherWouldHaveDrawn()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(11);
        var options = new VectorQuantizerOptions { Codebook = new() { Size = 16, Width = 3, KMeansIterations = 3 } };
        using var first = new VectorQuantizer(options, generator);
        using var data = new Generator(12);
        var batches = Enumerable.Range(0, 6).Select(_ => randn([20, 3], generator: data)).ToArray();
        for (var i = 0; i < 3; i++) first.call(batches[i]).Dispose();
        using var resumed = new VectorQuantizer(options);
        resumed.load_state_dict(first.state_dict().ToDictionary(p => p.Key, p => p.Value.clone()));
        for (var i = 3; i < 6; i++)
        {
            first.call(batches[i]).Dispose();
            resumed.call(batches[i]).Dispose();
        }
        foreach (var (key, value) in first.state_dict()) Golden.Same(value, resumed.state_dict()[key], key);
    }
}
