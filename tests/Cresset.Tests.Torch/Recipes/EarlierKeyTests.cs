using Cresset.Flows;
using Cresset.Quantization;
using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Recipes of version 0.1, which described parts by flat keys, resolve to the parts that they meant; what they cannot mean is said.
/// </summary>
public sealed class EarlierKeyTests
{
    private static readonly VectorQuantizerOptions Vector = new();

    [Fact]
    public void TokenizersResolveToTheirQuantizer()
    {
        foreach (var (model, quantizer, latentWidth) in new (string, QuantizerOptions, int)[]
        {
            ("{codes: 64, latent_width: 16}", Vector with { Codebook = new() { Size = 64 } }, 16),
            ("{quantizer: moving_average, decay: 0.9, restart_share: 0.1}",
                Vector with { Codebook = new() { Decay = 0.9, RestartShare = 0.1 } }, 0),
            ("{quantizer: gradient, codes: 256, commitment_weight: 1}",
                Vector with { CommitmentWeight = 1, Codebook = new() { Learning = CodebookLearning.Gradient } }, 0),
            ("{quantizer: gradient, estimator: rotation}",
                Vector with { Estimator = GradientEstimator.Rotation, Codebook = new() { Learning = CodebookLearning.Gradient } }, 0),
            ("{quantizer: residual, stages: 3, codes: 32}",
                new ResidualQuantizerOptions { Stages = 3, Stage = Vector with { Codebook = new() { Size = 32 } } }, 0),
            ("{quantizer: lookup_free, commitment_weight: 0.5}", new LookupFreeQuantizerOptions { Bits = 8, CommitmentWeight = 0.5 }, 64),
        })
        {
            var options = (TokenizerOptions)Resolve($"job: tokenizer\nmodel: {model}").Options["model"];
            Assert.Equal(quantizer, options.Quantizer);
            Assert.Equal(latentWidth, options.LatentWidth);
        }
    }

    [Fact]
    public void FlowsResolveToTheirPart()
    {
        foreach (var (job, model, flow) in new (string, string, FlowOptions)[]
        {
            ("plane-flow", "{transforms: 1, width: 8}", new RealNvpFlow { Transforms = 1, Width = 8 }),
            ("plane-flow", "{family: spline_coupling, bins: 4, bound: 3, scale_bins: true}",
                new SplineCouplingFlow { Bins = 4, Bound = 3, ScaleBins = true }),
            ("plane-flow", "{family: ffjord, layers: 3, tolerance: 1e-3}",
                new ContinuousFlowOptions { Layers = 3, Solver = new Dopri5Solver { Tolerance = 1e-3 } }),
            ("digits-flow", "{width: 16}", new SplineFlow { Transforms = 3, Width = 16 }),
            ("digits-flow", "{family: maf}", new MafFlow { Transforms = 3 }),
            ("digits-flow", "{family: glow, levels: 1, transforms: 2}", new GlowFlow { Levels = 1, Transforms = 2 }),
            ("density", "{family: nice}", new NiceFlow { Transforms = 4 }),
            ("posterior", "{parameters: [theta_1], family: spline_coupling, bins: 4}",
                new SplineCouplingFlow { Transforms = 5, Width = 64, Bins = 4 }),
            ("posterior", "{parameters: [theta_1], layers: 1}", new SplineFlow { Transforms = 5, Width = 64, Layers = 1 }),
        })
        {
            var options = Resolve($"job: {job}\nmodel: {model}").Options["model"];
            Assert.Equal(flow, options.GetType().GetProperty("Flow")!.GetValue(options));
        }
    }

    [Fact]
    public void LevelsOfFiniteScalarQuantizationKeepTheWidthTheyHad()
    {
        var options = (TokenizerOptions)Resolve("job: tokenizer\nmodel: {quantizer: finite_scalar, levels: [5, 5]}").Options["model"];
        Assert.Equal([5, 5], ((FiniteScalarQuantizerOptions)options.Quantizer).Levels);
        Assert.Equal(64, options.LatentWidth);
        Assert.IsType<ProjectedQuantizerOptions>(options.Bottleneck);
        // Written as of this version, the same name is the quantizer's own.
        options = (TokenizerOptions)Resolve("job: tokenizer\nmodel: {quantizer: {kind: finite_scalar, levels: [5, 5]}}").Options["model"];
        Assert.Equal(0, options.LatentWidth);
    }

    [Theory]
    [InlineData("{optimal_transport: false, sigma: 0.2}", typeof(IndependentCoupling), 0.2)]
    [InlineData("{optimal_transport: true}", typeof(OptimalTransportCoupling), 0.1)]
    [InlineData("{digits: true, sigma: 0.1}", typeof(OptimalTransportCoupling), 0)]
    [InlineData("{digits: true}", typeof(OptimalTransportCoupling), 0)]
    [InlineData("{digits: true, path: {sigma: 0.3}}", typeof(OptimalTransportCoupling), 0.3)]
    public void MatchingResolvesToCouplingAndPath(string model, Type coupling, double sigma)
    {
        var options = (MatchingOptions)Resolve($"job: flow-matching\nmodel: {model}").Options["model"];
        Assert.IsType(coupling, options.Coupling);
        Assert.Equal(sigma, Assert.IsType<StraightPath>(options.Path).Sigma);
    }

    [Theory]
    [InlineData("vqvae-digits", "codes=32")]
    [InlineData("vqvae-digits", "model.codes=32")]
    [InlineData("vqvae-digits", "quantizer.codebook.size=32")]
    public void OldAndNewKeysOfTheCommandLineReachTheSamePlace(string recipe, string text)
    {
        var options = (TokenizerOptions)new RecipeCatalog().Find(recipe).Resolve([text]).Options["model"];
        Assert.Equal(Vector with { Codebook = new() { Size = 32, Width = 16 } }, options.Quantizer);
    }

    [Theory]
    [InlineData("job: tokenizer\nmodel: {quantizer: finite_scalar, codes: 256}",
        "'codes' is not an option of the quantizer finite-scalar: leave it out.")]
    [InlineData("job: tokenizer\nmodel: {quantizer: fsq, stages: 2}", "'stages' is not an option of the quantizer finite-scalar")]
    [InlineData("job: tokenizer\nmodel: {quantizer: lion}", "'lion' is an optimizer, not a quantizer")]
    [InlineData("job: tokenizer\nmodel: {quantizer: {kind: lfq, bits: 70}}", "model.quantizer.bits is 70; allowed: [1, 62].")]
    [InlineData("job: tokenizer\nmodel: {quantizer: {kind: residual, stage: {kind: vector, codebook: {size: 1}}}}",
        "model.quantizer.stage.codebook.size is 1; allowed: at least 2.")]
    [InlineData("job: plane-flow\nmodel: {family: real-nvp, bins: 4}", "'bins' is not an option of the flow real-nvp")]
    [InlineData("job: plane-flow\nmodel: {flow: glow}", "allowed: a flow over vectors")]
    [InlineData("job: code-prior\nmodel: {kind: pixel_cnn, sampling_steps: 4}", "unknown key 'model.sampling_steps'")]
    [InlineData("job: flow-matching\nmodel: {optimal_transport: maybe}", "model.optimal_transport is 'maybe'; expected true or false.")]
    public void WhatCannotBeMeantIsSaid(string yaml, string message)
        => Assert.Contains(message, Assert.Throws<ConfigException>(() => Resolve(yaml)).Message, StringComparison.Ordinal);

    private static ResolvedRecipe Resolve(string yaml) => Recipe.Parse(yaml, "earlier.yaml", "earlier", BuiltInParts.Catalog).Resolve();
}
