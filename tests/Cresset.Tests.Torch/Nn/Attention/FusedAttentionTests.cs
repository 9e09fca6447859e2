using System.Runtime.Intrinsics;
using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

[LeakFree]
public sealed class FusedAttentionTests
{
    public static TheoryData<long[], long> Sizes => new()
    {
        { [1, 1, 1, 16], 1 },
        { [2, 3, 12, 32], 32 },
        { [2, 12, 41, 64], 33 },
        { [1, 2, 100, 48], 515 },
        { [1, 1, 13, 512], 1030 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void AgreesWithTheDefinitionAtAnyNumberOfThreads(long[] size, long keys)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no AVX-512");
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        // Heads split from joined channels, as layers hand them over.
        Tensor Draw(long count) => randn([size[0], count, size[1], size[3]], generator: generator).transpose(1, 2);
        Tensor q = Draw(size[2]) * 2, k = Draw(keys), v = Draw(keys);
        foreach (var (type, tolerance) in new[] { (ScalarType.Float32, 3e-6), (ScalarType.BFloat16, 5e-3) })
        {
            Tensor a = q.to(type), b = k.to(type), c = v.to(type);
            Assert.True(FusedAttention.Fits(a, b, c));
            var result = FusedAttention.Run(a, b, c);
            Assert.Equal(type, result.dtype);
            Assert.True(result.transpose(1, 2).is_contiguous());
            Tensor wideQ = a.to(ScalarType.Float64), wideK = b.to(ScalarType.Float64), wideV = c.to(ScalarType.Float64);
            var expected = nn.functional.softmax(wideQ.matmul(wideK.transpose(-2, -1)) / Math.Sqrt(size[3]), -1).matmul(wideV);
            var error = (expected - result.to(ScalarType.Float64)).abs().max().ToDouble() / expected.abs().max().ToDouble();
            Assert.True(error < tolerance, $"{type}: relative error {error:E2}");
            var threads = get_num_threads();
            set_num_threads(threads == 1 ? 2 : 1);
            var other = FusedAttention.Run(a, b, c);
            set_num_threads(threads);
            Assert.True(result.eq(other).all().ToBoolean());
        }
    }

    [Fact]
    public void ALargeScoreDoesNotOverflowAndNanStays()
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no AVX-512");
        using var scope = NewDisposeScope();
        Tensor q = full([1, 1, 2, 16], 1e4f), k = ones(1, 1, 3, 16), v = arange(48f).view(1, 1, 3, 16);
        k[0, 0, 1] = full(16, 2f);
        Assert.Equal(v[0, 0, 1].data<float>().ToArray(), FusedAttention.Run(q, k, v)[0, 0, 0].data<float>().ToArray());
        q[0, 0, 1, 3] = float.NaN;
        var result = FusedAttention.Run(q, k, v);
        Assert.False(result[0, 0, 0].isnan().any().ToBoolean());
        Assert.True(result[0, 0, 1].isnan().all().ToBoolean());
    }

    [Fact]
    public void GradientsMasksAndOddWidthsGoToLibtorch()
    {
        using var scope = NewDisposeScope();
        Tensor plain = zeros(1, 1, 4, 16), needing = zeros([1, 1, 4, 16], requires_grad: true), odd = zeros(1, 1, 4, 9);
        Assert.False(FusedAttention.Fits(needing, plain, plain));
        Assert.False(FusedAttention.Fits(odd, odd, odd));
        Assert.False(FusedAttention.Fits(plain, plain, zeros(1, 1, 4, 32)));
        Assert.False(FusedAttention.Fits(plain.to(ScalarType.Float64), plain.to(ScalarType.Float64), plain.to(ScalarType.Float64)));
        Assert.True(Cresset.Nn.Attention.ScaledDotProduct(needing, plain, plain).requires_grad);
        Assert.Equal([1L, 1, 4, 9], Cresset.Nn.Attention.ScaledDotProduct(odd, odd, odd).shape);
    }
}
