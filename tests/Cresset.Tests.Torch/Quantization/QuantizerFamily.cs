using Cresset.Quantization;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>One of each quantizer: the laws run over all of them.</summary>
internal static class QuantizerFamily
{
    private static readonly Dictionary<string, Func<Generator, Quantizer>> Makers = new()
    {
        ["moving average"] = g => new VectorQuantizer(new() { Codebook = Small() }, g),
        ["moving average, debiased"] =
            g => new VectorQuantizer(new() { Codebook = Small() with { AverageStart = AverageStart.Debiased, RestartShare = 0 } }, g),
        ["k-means start"] = g => new VectorQuantizer(new() { Codebook = Small() with { KMeansIterations = 5 } }, g),
        ["gradient"] =
            g => new VectorQuantizer(
                new() { Codebook = Small() with { Learning = CodebookLearning.Gradient }, OrthogonalWeight = 10, DiversityWeight = 0.1 },
                g),
        ["rotation"] = g => new VectorQuantizer(new() { Codebook = Small(), Estimator = GradientEstimator.Rotation }, g),
        ["cosine"] = g => new VectorQuantizer(new() { Codebook = Small() with { Similarity = CodeSimilarity.Cosine } }, g),
        ["cosine by gradient"] =
            g => new VectorQuantizer(
                new() { Codebook = Small() with { Similarity = CodeSimilarity.Cosine, Learning = CodebookLearning.Gradient } }, g),
        ["directional"] =
            g => new VectorQuantizer(
                new() { Codebook = Small() with { Learning = CodebookLearning.Gradient }, Estimator = GradientEstimator.Directional }, g),
        ["residual"] =
            g => new ResidualQuantizer(
                new() { Stages = 3, Stage = new VectorQuantizerOptions { Codebook = Small() with { KMeansIterations = 4 } } }, g),
        ["residual, dropout"] =
            g => new ResidualQuantizer(
                new() { Stages = 3, Stage = new VectorQuantizerOptions { Codebook = Small() }, DropoutProbability = 0.7 }, g),
        ["residual, beam"] =
            g => new ResidualQuantizer(new() { Stages = 3, Stage = new VectorQuantizerOptions { Codebook = Small() }, BeamWidth = 4 }, g),
        ["residual, shared"] =
            g => new ResidualQuantizer(
                new() { Stages = 2, Stage = new VectorQuantizerOptions { Codebook = Small() }, SharedCodebook = true }, g),
        ["residual, rotation"] =
            g => new ResidualQuantizer(
                new() { Stages = 2, Stage = new VectorQuantizerOptions { Codebook = Small() }, Estimator = GradientEstimator.Rotation }, g),
        ["residual, sizes"] =
            g => new ResidualQuantizer(new() { Stages = 3, Stage = new VectorQuantizerOptions { Codebook = Small() }, Sizes = [12, 5, 3] },
                g),
        ["residual directional"] =
            g => new ResidualQuantizer(
                new()
                {
                    Stages = 2,
                    Stage = new VectorQuantizerOptions
                    {
                        Codebook = Small() with { Learning = CodebookLearning.Gradient },
                        Estimator = GradientEstimator.Directional
                    }
                }, g),
        ["residual SimVQ, beam"] =
            g => new ResidualQuantizer(new() { Stages = 2, Stage = new SimVectorQuantizerOptions { Size = 12, Width = 6 }, BeamWidth = 3 },
                g),
        ["residual IBQ"] =
            g => new ResidualQuantizer(new() { Stages = 2, Stage = new IndexBackpropagationQuantizerOptions { Size = 12, Width = 6 } }, g),
        ["residual projected"] =
            g => new ResidualQuantizer(
                new()
                {
                    Stages = 2,
                    Stage = new ProjectedQuantizerOptions
                    {
                        Width = 6,
                        Inner = new VectorQuantizerOptions { Codebook = Small() with { Width = 3 } }
                    }
                }, g),
        ["residual finite scalar"] =
            g => new ResidualQuantizer(new() { Stages = 2, Stage = new FiniteScalarQuantizerOptions { Levels = [5, 5, 5, 5, 5, 5] } }, g),
        ["residual lookup free"] =
            g => new ResidualQuantizer(new() { Stages = 3, Stage = new LookupFreeQuantizerOptions { Bits = 6 }, DropoutProbability = 0.5 },
                g),
        ["grouped residual"] =
            g => new MultiHeadQuantizerOptions
            {
                Heads = 2,
                Head = new ResidualQuantizerOptions
                {
                    Stages = 2,
                    Stage = new VectorQuantizerOptions { Codebook = Small() with { Width = 3 } }
                }
            }.Build(g),
        ["heads, separate"] =
            g => new MultiHeadQuantizer([new VectorQuantizer(new() { Codebook = Small() with { Width = 3 } }, g),
                new VectorQuantizer(new() { Codebook = Small() with { Width = 3 } }, g)]),
        ["heads, shared"] = g => new MultiHeadQuantizer(new VectorQuantizer(new() { Codebook = Small() with { Width = 2 } }, g), 3),
        ["finite scalar"] = g => new FiniteScalarQuantizer(new() { Levels = [8, 6, 5, 5, 3, 2] }, g),
        ["finite scalar, symmetric"] =
            g => new FiniteScalarQuantizer(new() { Levels = [8, 6, 5, 5, 3, 2], Symmetric = true, NoiseShare = 0.5 }, g),
        ["lookup free"] = g => new LookupFreeQuantizer(new() { Bits = 6 }),
        ["binary spherical"] = g => new LookupFreeQuantizer(LookupFreeQuantizerOptions.BinarySpherical(6)),
        ["SimVQ"] = g => new SimVectorQuantizer(new() { Size = 12, Width = 6 }, g),
        ["IBQ"] = g => new IndexBackpropagationQuantizer(new() { Size = 12, Width = 6 }, g),
        ["Gumbel"] = g => new GumbelQuantizer(new() { Size = 12, Width = 6 }, g),
        ["projected"] = g => new ProjectedQuantizer(new FiniteScalarQuantizer(FiniteScalarQuantizerOptions.ForBits(8)), 6, g),
    };

    public static TheoryData<string> Names => [.. Makers.Keys];

    public static Quantizer Make(string name, int seed = 1)
    {
        using var generator = new Generator((ulong)seed);
        return Makers[name](generator);
    }

    private static CodebookOptions Small() =>
        new() { Size = 12, Width = 6, Start = CodebookStart.Normal, RestartShare = 0.5, KMeansIterations = 0 };
}
