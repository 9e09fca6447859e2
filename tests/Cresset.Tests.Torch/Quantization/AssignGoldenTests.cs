using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class AssignGoldenTests
{
    [Theory]
    [InlineData("euclid", CodeSimilarity.Euclidean)]
    [InlineData("cosine", CodeSimilarity.Cosine)]
    public void IndicesValuesLossesAndGradients(string name, CodeSimilarity similarity)
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("assign");
        Tensor z0 = file.Read("z"), codebook = file.Read("codebook"), w = file.Read("w");
        foreach (var estimator in new[] { GradientEstimator.StraightThrough, GradientEstimator.Rotation })
        {
            using var quantizer = new VectorQuantizer(
                new() { Codebook = new() { Size = 32, Width = 16, Similarity = similarity, RestartShare = 0 }, Estimator = estimator });
            quantizer.Codebook.SetCodes(file.Read($"{name}.codebook_used"));
            quantizer.eval();
            var z = z0.clone().requires_grad_();
            var output = quantizer.call(z);
            Golden.Same(file.Read($"{name}.indices"), output.Indices, "indices");
            Golden.Near(file.Read($"{name}.quantized"), output.Quantized, 2e-5, "quantized");
            Golden.Near(file.Read($"{name}.commit_mse"), output.Term("commitment"), 2e-5, "commitment");
            Golden.Near(file.Read($"{name}.commit_loss_beta025"), output.Loss, 2e-5, "loss");
            var gradient = autograd.grad([(output.Quantized * w).sum()], [z], retain_graph: true)[0];
            var expected = file.Read(estimator == GradientEstimator.Rotation ? $"{name}.grad_rotation" : $"{name}.grad_ste");
            // Row 1 is z = 0, where no direction exists: the peer's rotation gradient is about 1e6 there, ours stays bounded.
            Assert.True(gradient.isfinite().all().ToBoolean());
            Assert.True(
                gradient[1].abs().max().ToDouble() <= Math.Max(1, similarity == CodeSimilarity.Cosine ? 1e7 : 0) * w[1].abs().max()
                    .ToDouble() * 1.01);
            var rows = tensor(Enumerable.Range(0, 96).Where(i => i != 1).Select(i => (long)i).ToArray());
            Golden.Near(expected.index_select(0, rows), gradient.index_select(0, rows), 1e-4, $"{estimator} gradient");
            if (estimator == GradientEstimator.Rotation)
                Golden.Near(file.Read($"{name}.forward_rotation").index_select(0, rows), output.Quantized.index_select(0, rows), 2e-5,
                    "rotation value");
            var commit = autograd.grad([output.Loss], [z])[0];
            Golden.Near(file.Read($"{name}.grad_commit_beta025").index_select(0, rows), commit.index_select(0, rows), 1e-4,
                "commitment gradient");
        }
    }

    [Fact]
    public void RotationReachesTheCodeExactlyAndItsGradientIsTheFloat64One()
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("assign");
        var z = file.Read("rot.z").requires_grad_();
        var q = file.Read("rot.q");
        var output = RotationTrick.Apply(z, q);
        Golden.Near(q, output, 2e-6, "value");
        var gradient = autograd.grad([(output * file.Read("rot.upstream")).sum()], [z])[0];
        Golden.Near(file.Read("rot.grad_f64"), gradient, 1e-4, "gradient");
    }

    [Fact]
    public void StraightThroughHasTheValueOfTheCodeBitForBitAndTheGradientOfTheIdentity()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var z = (randn([50, 3], generator: generator) * 1e4).requires_grad_();
        Tensor q = randn([50, 3], generator: generator) * 1e-4, upstream = randn([50, 3], generator: generator);
        var output = StraightThrough.Apply(z, q);
        Golden.Same(q, output, "value");
        Golden.Same(upstream, autograd.grad([(output * upstream).sum()], [z])[0], "gradient");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(300, 33)]
    public void TheFusedCommitmentTermIsTheMeanSquaredError(int rows, int width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var z = randn([rows, width], generator: generator).requires_grad_();
        var q = randn([rows, width], generator: generator);
        var (ours, plain) = (SquaredDifference.Mean(z, q), nn.functional.mse_loss(z, q));
        Golden.Near(plain, ours, 1e-6, "value");
        Golden.Near(autograd.grad([plain * 3], [z])[0], autograd.grad([ours * 3], [z])[0], 1e-6, "gradient");
    }

    [Fact]
    public void CodebookByGradientHasThePapersLossAndGradients()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        using var quantizer = new VectorQuantizer(
            new() { Codebook = new() { Size = 8, Width = 4, Learning = CodebookLearning.Gradient, RestartShare = 0 } });
        quantizer.Codebook.SetCodes(randn([8, 4], generator: generator));
        var z = randn([30, 4], generator: generator).requires_grad_();
        var upstream = randn([30, 4], generator: generator);
        var output = quantizer.call(z);
        var gradients = autograd.grad([output.Loss + (output.Quantized * upstream).sum()], [z, quantizer.Codebook.Codes]);
        using var noGrad = no_grad();
        var q = quantizer.Codebook.Codes.index_select(0, output.Indices);
        var difference = z - q;
        Golden.Near(difference.square().mean() * 1.25, output.Loss, 1e-6, "loss");
        Golden.Near(upstream + (0.25 * 2 / 120 * difference), gradients[0], 1e-6, "gradient of the vectors");
        Golden.Near(zeros(8, 4).index_add(0, output.Indices, difference * (-2.0 / 120), 1), gradients[1], 1e-6, "gradient of the codes");
    }
}
