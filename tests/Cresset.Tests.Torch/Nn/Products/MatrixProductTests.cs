using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

[LeakFree]
public sealed class MatrixProductTests
{
    public static TheoryData<long[], long, bool> Shapes => new()
    {
        { [64, 96], 40, true },
        { [2, 154, 48], 33, true },
        { [2, 410, 64], 192, false },
        { [4, 4, 5, 7], 3, true },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void TheConvolutionIsTheLinearMapWithItsGradients(long[] shape, long outputs, bool hasBias)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var inputs = Draw(generator, shape);
        var weight = Draw(generator, outputs, shape[^1]);
        var bias = hasBias ? Draw(generator, outputs) : null;
        Tensor[] leaves = bias is null ? [inputs, weight] : [inputs, weight, bias];
        var result = MatrixProduct.LinearByConvolution(inputs, weight, bias);
        Assert.NotNull(result);
        var expected = nn.functional.linear(inputs, weight, bias);
        Assert.Equal(expected.shape, result.shape);
        Assert.True(result.is_contiguous());
        Near(expected, result);
        var direction = randn(expected.shape, generator: generator);
        var theirs = autograd.grad([(expected * direction).sum()], leaves);
        var ours = autograd.grad([(result * direction).sum()], leaves);
        for (var i = 0; i < leaves.Length; i++) Near(theirs[i], ours[i]);
    }

    [Theory]
    [InlineData(1, 16, 32)]
    [InlineData(12, 512, 32)]
    [InlineData(13, 513, 33)]
    [InlineData(100, 1100, 7)]
    [InlineData(411, 70, 301)]
    public void ThePackedProductIsTheLinearMapAtAnySizeAndNumberOfThreads(long rows, long inputs, long outputs)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        Tensor x = randn([rows, inputs], generator: generator), w = randn([outputs, inputs], generator: generator),
            b = randn(outputs, generator: generator);
        Near(nn.functional.linear(x, w), PackedProduct.Linear(x, w, null));
        var result = PackedProduct.Linear(x, w, b);
        Near(nn.functional.linear(x, w, b), result);
        var threads = get_num_threads();
        set_num_threads(threads == 1 ? 2 : 1);
        var other = PackedProduct.Linear(x, w, b);
        set_num_threads(threads);
        Assert.True(result.eq(other).all().ToBoolean());
    }

    [Fact]
    public void RowsThatDoNotDivideAreLeftToTheMatrixProduct()
    {
        using var scope = NewDisposeScope();
        Assert.Null(MatrixProduct.LinearByConvolution(zeros(821, 8), zeros(4, 8), null));
        Assert.Null(MatrixProduct.LinearByConvolution(zeros(3, 8), zeros(4, 8), null));
        Assert.Equal([821L, 4], MatrixProduct.Linear(zeros(821, 8), zeros(4, 8)).shape);
        Assert.Equal([4L], MatrixProduct.Linear(zeros(8), zeros(4, 8)).shape);
    }

    [Fact]
    public void InputsThatAreViewsWork()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2, CPU);
        Tensor x = randn([96, 512], generator: generator).t(), w = randn([128, 96], generator: generator);
        Near(nn.functional.linear(x, w), MatrixProduct.Linear(x, w));
    }

    [Fact]
    public void WidthsThatDifferAreRefused()
    {
        using var scope = NewDisposeScope();
        Assert.ThrowsAny<Exception>(() => MatrixProduct.Linear(zeros(1024, 512), zeros(512, 256)));
        Assert.ThrowsAny<Exception>(() => MatrixProduct.Linear(zeros(1024, 512), zeros(512, 512), zeros(511)));
        Assert.ThrowsAny<Exception>(
            () => MatrixProduct.Linear(zeros(1024, 512), zeros(512, 512), zeros([512], dtype: ScalarType.BFloat16)));
    }

    private static Tensor Draw(Generator generator, params long[] shape) => randn(shape, generator: generator).requires_grad_();

    private static void Near(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        var error = (expected - actual).abs().max().ToDouble() / expected.abs().max().ToDouble();
        Assert.True(error < 3e-6, $"relative error {error:E2}");
    }
}
