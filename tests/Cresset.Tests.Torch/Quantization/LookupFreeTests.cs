using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class LookupFreeTests
{
    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 100)]
    [InlineData(true, 1)]
    [InlineData(true, 100)]
    public void EntropiesAndGradientsAreThoseOfTheTableOfAllCodes(bool spherical, double inverseTemperature)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        using var quantizer = new LookupFreeQuantizer(new() { Bits = 7, Spherical = spherical, InverseTemperature = inverseTemperature });
        var x = (randn([40, 7], dtype: ScalarType.Float64, generator: generator) * 0.1).requires_grad_();
        var output = quantizer.call(x);
        var y = x.detach().clone().requires_grad_();
        var vectors = spherical ? y / y.norm(1, true) : y;
        var codes = quantizer.Decode(arange(128)).to(ScalarType.Float64);
        var log = (2 * inverseTemperature * vectors.matmul(codes.t())).log_softmax(1);
        var p = log.exp();
        var sample = -(p * log).sum(1).mean();
        var mean = p.mean([0]);
        var joint = -(mean * mean.clamp_min(1e-12).log()).sum();
        var q = codes.index_select(0, output.Indices);
        var loss = (0.1 * (sample - joint)) + (0.25 * (vectors - q).square().mean());
        Golden.Near(sample, output.Term("sample_entropy"), 1e-6, "per vector");
        Golden.Near(joint, output.Term("codebook_entropy"), 1e-6, "of the mean");
        Golden.Near(loss, output.Loss, 1e-6, "loss");
        Golden.Near(autograd.grad([loss], [y])[0], autograd.grad([output.Loss], [x])[0], 1e-6, "gradient");
    }

    [Fact]
    public void TheFirstNumberIsTheMostSignificantBit()
    {
        using var scope = NewDisposeScope();
        using var quantizer = new LookupFreeQuantizer(new() { Bits = 3 });
        Golden.Same(tensor(new long[] { 4, 1, 0 }),
            quantizer.call(tensor(new float[,] { { 1, -1, -1 }, { -1, 0, 1 }, { 0, 0, 0 } })).Indices, "bits");
    }

    [Fact]
    public void SixtyBitsRoundTripWithoutATable()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        using var quantizer = new LookupFreeQuantizer(new() { Bits = 60 });
        var indices = randint(0, 1L << 60, [50], dtype: ScalarType.Int64, generator: generator);
        Golden.Same(indices, quantizer.call(quantizer.Decode(indices)).Indices, "round trip");
    }
}
