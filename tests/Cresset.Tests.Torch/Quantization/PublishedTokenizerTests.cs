using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Weights that other programs saved give their codes and their reconstructions (tests/References/vq/make_published.py).</summary>
public class PublishedTokenizerTests
{
    [Theory]
    [InlineData("taming")]
    [InlineData("encodec")]
    [InlineData("dac")]
    public void CodesAndReconstructionsAreThePackages(string name)
    {
        using var scope = NewDisposeScope();
        using var source = TensorFile.Open(Reference(name));
        var (tokenizer, notes) = PublishedTokenizer.Read(source, name);
        using (tokenizer)
        {
            using var run = TensorFile.Open(Reference($"{name}-run"));
            var codes = tokenizer.Model.Encode(run.Read("input"))[0];
            Golden.Same(run.Read("codes"), codes, $"{name}: codes");
            Golden.Near(run.Read("output"), tokenizer.Model.Decode([codes]), 2e-4, $"{name}: output");
            Assert.Equal(name switch { "taming" => 0, "encodec" => 24000, _ => 16000 }, tokenizer.Rate);
            Assert.Equal(name == "taming" ? 2 : name == "encodec" ? 1 : 0, notes.Count);
            // In a file of its own it is the same.
            var path = Path.Combine(Path.GetTempPath(), $"cresset-{Guid.NewGuid():N}.safetensors");
            try
            {
                tokenizer.Save(path);
                using var opened = TokenizerRun.OpenFile(path);
                Golden.Same(codes, opened.Model.Encode(run.Read("input"))[0], $"{name}: codes of the file");
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    [Fact]
    public void WeightsOfAnotherKindAreRefusedWithWhatIsRead()
    {
        using var source = TensorFile.Open(Reference("vq"));
        Assert.Contains("EnCodec", Assert.Throws<InvalidDataException>(() => PublishedTokenizer.Read(source, "vq")).Message,
            StringComparison.Ordinal);
        using var taming = TensorFile.Open(Reference("taming"));
        Assert.Contains("taming.pth", Assert.Throws<InvalidDataException>(() => PublishedTokenizer.Read(taming, "x", groups: 7)).Message,
            StringComparison.Ordinal);
    }

    public static TheoryData<string> Quantizers() =>
        ["vq", "vq-cosine", "vq-projected", "vq-heads", "vq-learnable", "residual", "grouped", "fsq", "lfq", "sim"];

    [Theory]
    [MemberData(nameof(Quantizers))]
    public void StatesOfQuantizersGiveTheirCodesAndValues(string name)
    {
        using var scope = NewDisposeScope();
        using var source = TensorFile.Open(Reference(name));
        using var run = TensorFile.Open(Reference($"{name}-run"));
        using var quantizer = Options(name).Build();
        QuantizerStates.Load(quantizer, source.Entries.Keys.ToDictionary(key => key, source.Read));
        quantizer.eval();
        var input = run.Read("input");
        using var output = quantizer.call(input);
        Golden.Same(run.Read("codes").to(ScalarType.Int64).reshape(output.Indices.shape), output.Indices, $"{name}: codes");
        Golden.Near(run.Read("output").reshape(input.shape), quantizer.Decode(output.Indices), 1e-4, $"{name}: values");
        quantizer.train();
        using var trained = quantizer.call(input);
        Assert.True(trained.Loss.isfinite().ToBoolean());
    }

    [Fact]
    public void AStateOfAnotherMakeIsRefusedByItsKeysAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var source = TensorFile.Open(Reference("residual"));
        var state = source.Entries.Keys.ToDictionary(key => key, source.Read);
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = 16, Width = 6 } });
        var before = quantizer.Codebook.Codes.clone();
        Assert.Contains("_codebook.embed", Assert.Throws<CheckpointException>(() => QuantizerStates.Load(quantizer, state)).Message,
            StringComparison.Ordinal);
        using var two = Options("residual") is ResidualQuantizerOptions options ? (options with { Stages = 2 }).Build() : null;
        Assert.Contains("layers.2", Assert.Throws<CheckpointException>(() => QuantizerStates.Load(two!, state)).Message,
            StringComparison.Ordinal);
        Golden.Same(before, quantizer.Codebook.Codes, "codes");
    }

    private static QuantizerOptions Options(string name)
    {
        static VectorQuantizerOptions Vector(int width, CodeSimilarity similarity = CodeSimilarity.Euclidean,
            CodebookLearning learning = CodebookLearning.MovingAverage)
            => new() { Codebook = new() { Size = 16, Width = width, Similarity = similarity, Learning = learning } };
        return name switch
        {
            "vq" => Vector(6),
            "vq-cosine" => Vector(6, CodeSimilarity.Cosine),
            "vq-projected" => new ProjectedQuantizerOptions { Width = 8, Inner = Vector(4) },
            "vq-heads" => new MultiHeadQuantizerOptions { Heads = 2, Head = Vector(4) },
            "vq-learnable" => Vector(6, learning: CodebookLearning.Gradient),
            "residual" => new ResidualQuantizerOptions { Stages = 3, Stage = Vector(6) },
            "grouped" => new MultiHeadQuantizerOptions { Heads = 2, Head = new ResidualQuantizerOptions { Stages = 2, Stage = Vector(4) } },
            "fsq" => new ProjectedQuantizerOptions { Width = 6, Inner = new FiniteScalarQuantizerOptions { Levels = [8, 5, 5] } },
            "lfq" => new ProjectedQuantizerOptions { Width = 6, Inner = new LookupFreeQuantizerOptions { Bits = 4 } },
            _ => new SimVectorQuantizerOptions { Size = 16, Width = 6 },
        };
    }

    private static string Reference(string name) => Repository.Reference($"vq/published/{name}.pth");
}
