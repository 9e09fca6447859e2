using Cresset.Kernels;
using Cresset.Numerics;
using Cresset.Rl.Deep;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

public sealed unsafe class DenseKernelTests
{
    [Fact]
    public void ProductsEqualPlainSumsForEveryShape()
        => Gen.Select(Gen.Int[1, 21], Gen.Int[1, 5], Gen.Int[1, 40], Gen.Bool, Gen.Bool).Sample(
            (rows, vectors, depth, transposed, hasBias) =>
            {
                var columns = 16 * vectors;
                var stride = AlignedFloats.Stride(columns);
                var (a, b, bias) = (Numbers(rows * depth), Numbers(depth * stride), Numbers(columns));
                var (wide, narrow) = (new AlignedFloats(rows * stride), new AlignedFloats(rows * stride));
                nint rowStride = transposed ? 1 : depth, step = transposed ? rows : 1;
                DenseKernels.Multiply(a.Pointer, rowStride, step, b.Pointer, stride, hasBias ? bias.Pointer : null, wide.Pointer, stride,
                    rows, columns, depth);
                DenseKernels.MultiplyNarrow(a.Pointer, rowStride, step, b.Pointer, stride, hasBias ? bias.Pointer : null, narrow.Pointer,
                    stride, rows, columns, depth);
                for (var m = 0; m < rows; m++)
                {
                    for (var n = 0; n < columns; n++)
                    {
                        double sum = hasBias ? bias.Span[n] : 0;
                        for (var k = 0; k < depth; k++)
                            sum += (double)a.Span[(int)((m * rowStride) + (k * step))] * b.Span[(k * stride) + n];
                        Assert.Equal(sum, wide.Span[(m * stride) + n], 1e-4);
                        Assert.Equal(sum, narrow.Span[(m * stride) + n], 1e-4);
                    }
                }
            },
            iter: 60, threads: 1);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    [InlineData(7, 13)]
    [InlineData(37, 18)]
    public void TransposesAreTransposes(int rows, int columns)
    {
        var (from, to) = (Numbers(rows * 48), new AlignedFloats(columns * 80));
        DenseKernels.Transpose(from.Pointer, 48, to.Pointer, 80, rows, columns);
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++) Assert.Equal(from.Span[(r * 48) + c], to.Span[(c * 80) + r]);
        }
    }

    [Fact]
    public void MemoryStartsOnACacheLine()
    {
        for (var i = 1; i < 50; i++) Assert.Equal(0, (long)new AlignedFloats(i).Pointer % 64);
    }

    [Fact]
    public void PassesAllocateNothing()
    {
        var network = new MlpNetwork(new MlpShape { LayerNorm = true }, new RandomStream(1));
        var workspace = network.CreateWorkspace(32);
        var adam = new MlpAdam(network);
        var input = new float[32 * 4];
        void Pass()
        {
            network.Forward(workspace, input, 32);
            workspace.OutputGradient[0] = 1;
            network.Backward(workspace);
            adam.Step(1e-3, 10);
        }
        for (var i = 0; i < 3; i++) Pass();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Pass();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static AlignedFloats Numbers(int count)
    {
        var numbers = new AlignedFloats(count);
        var random = new RandomStream((ulong)count);
        foreach (ref var value in numbers.Span) value = (float)random.NextNormal();
        return numbers;
    }
}
