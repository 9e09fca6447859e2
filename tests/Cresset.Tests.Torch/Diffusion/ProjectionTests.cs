using Cresset.Diffusion;
using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class ProjectionTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(600)]
    [LeakFree]
    public void AWidenedWeightGivesWhatTheWholeCopyGives(int tokens)
    {
        // More than one piece of four million elements; many tokens take the whole copy.
        const int Inputs = 1024, Outputs = 9001;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        foreach (var type in new[] { ScalarType.Float16, ScalarType.Int8 })
        {
            using var layer = new Projection(Inputs, Outputs, true,
                new WeightPlace(type == ScalarType.Int8 ? ScalarType.Float32 : type, Generator: generator));
            if (type == ScalarType.Int8) layer.Quantize();
            var input = randn([2, tokens, Inputs], generator: generator);
            var expected = nn.functional.linear(input, layer.Dequantized(), layer.Bias!.to(ScalarType.Float32));
            var actual = layer.call(input);
            Assert.Equal([2, tokens, Outputs], actual.shape);
            Reference.Close(expected, actual, 2e-5, type.ToString());
        }
    }

    [Fact]
    public void GradientsPassAWidenedWeight()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        using var layer = new Projection(1024, 5000, false, new WeightPlace(ScalarType.Float16, Generator: generator));
        var input = randn([1, 2, 1024], generator: generator).requires_grad_(true);
        layer.call(input).sum().backward();
        Reference.Close(layer.Weight.to(ScalarType.Float32).sum([0L]).expand(1, 2, 1024), input.grad!, 1e-3, "gradient");
    }
}
