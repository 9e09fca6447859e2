using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// What goes wrong between forward and backward of a fused operation is an error of backward, not the end of the process.
/// </summary>
public sealed class FusedDoorTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Operations = new()
    {
        ["unary"] = x => FusedFunction.Silu.Apply(x),
        ["pair"] = x => FusedFunction.Silu.Gate(x, x),
        ["packed"] = x => FusedFunction.Silu.GatePacked(x, gateFirst: true),
    };

    public static TheoryData<string> Names => [.. Operations.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void AnInPlaceChangeBeforeBackwardIsAnErrorOneCanCatch(string name)
    {
        using var scope = NewDisposeScope();
        var leaf = randn([8, 64], requires_grad: true);
        var x = leaf * 1;
        var y = Operations[name](x).sum();
        x.add_(1);
        Assert.ThrowsAny<Exception>(() => y.backward());
        // The next pass is not harmed.
        Operations[name](leaf * 1).sum().backward();
        Assert.True(leaf.grad!.isfinite().all().ToBoolean());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ASecondBackwardNeedsTheGraphKept(string name)
    {
        using var scope = NewDisposeScope();
        var x = randn([8, 64], requires_grad: true);
        var y = Operations[name](x).sum();
        y.backward();
        Assert.ThrowsAny<Exception>(() => y.backward());
    }

    [Theory]
    [InlineData(ScalarType.Float32, -3e38)]
    [InlineData(ScalarType.Float32, 3e38)]
    [InlineData(ScalarType.Float64, -1e308)]
    [InlineData(ScalarType.Float64, 1e308)]
    public void TheBranchNotTakenHasNoSayInTheGradientOfXielu(ScalarType type, double at)
    {
        using var scope = NewDisposeScope();
        using var module = new XIelu();
        module.to(type);
        Func<Tensor, Tensor>[] functions = [x => Cresset.Nn.Activations.Xielu(x), module.call];
        foreach (var function in functions)
        {
            var x = tensor(new[] { at }).to(type).requires_grad_();
            function(x).sum().backward();
            Assert.False(x.grad!.isnan().any().ToBoolean());
            if (at < 0) Assert.Equal(-0.3, x.grad!.ToDouble(), 1e-6);
        }
    }

    [Theory]
    [InlineData(1.5)]
    [InlineData(1.702)]
    [InlineData(-2)]
    public void SwishIsMinusZeroAtTheEndOfFloats(double beta)
    {
        using var scope = NewDisposeScope();
        var x = full([64], beta > 0 ? -3e38f : 3e38f, requires_grad: true);
        var y = FusedFunction.Swish(beta).Apply(x);
        y.sum().backward();
        Assert.True(y.eq(0).all().ToBoolean());
        Assert.True(x.grad!.eq(0).all().ToBoolean());
    }
}
