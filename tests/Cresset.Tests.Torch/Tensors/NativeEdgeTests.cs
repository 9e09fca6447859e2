using Cresset.Tensors;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

/// <summary>Calls whose errors end the process in TorchSharp are errors one can catch here.</summary>
[LeakFree]
public sealed class NativeEdgeTests
{
    public static TheoryData<long[], long[]> NoProducts => new()
    {
        { [2, 3], [2, 3] },
        { [3], [4] },
        { [], [3] },
        { [3, 4], [] },
        { [2, 3, 4], [3, 4, 5] },
        { [5, 3, 4], [2, 4, 6] },
        { [3], [4, 3] },
    };

    [Theory]
    [MemberData(nameof(NoProducts))]
    public void MatricesThatDoNotFitAreRefused(long[] left, long[] right)
    {
        using var scope = NewDisposeScope();
        Assert.Contains("does not exist", Assert.Throws<ShapeException>(() => zeros(left).MatMul(zeros(right))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void MatricesOfDifferentKindsAreRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => zeros(2, 2).MatMul(zeros(2, 2, ScalarType.Float64)));
        Assert.Throws<ArgumentException>(() => zeros(2, 2).MatMul(zeros([2, 2], device: new Device(DeviceType.META))));
        Assert.Throws<ArgumentException>(() => zeros(2, 2, ScalarType.Bool).MatMul(zeros(2, 2, ScalarType.Bool)));
        Assert.Throws<ArgumentException>(() => zeros(2, 2).to_sparse().MatMul(zeros(2, 2)));
        var gone = zeros(2, 2);
        gone.Dispose();
        Assert.Throws<ArgumentException>(() => gone.MatMul(zeros(2, 2)));
    }

    [Fact]
    public void ProductsOfEveryRankAreLibtorchs() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[1, 4], Gen.Int[1, 4], Gen.Int[1, 4], Gen.Bool).Sample(
        (a, b, n, k, m, broadcast) =>
        {
            using var scope = NewDisposeScope();
            long[] leftLead = [.. Enumerable.Repeat(2L, Math.Max(0, a - 1))],
                rightLead = [.. Enumerable.Repeat(broadcast ? 1L : 2L, Math.Max(0, b - 1))];
            Tensor left = a == 0 ? rand(k) : rand([.. leftLead, n, k]), right = b == 0 ? rand(k) : rand([.. rightLead, k, m]);
            Assert.True(left.MatMul(right).equal(left.matmul(right)).all().ToBoolean());
        },
        iter: 40,
        threads: 1);

    [Fact]
    public void DerivativesAreAutogradsAndLeaveGradAlone()
    {
        using var scope = NewDisposeScope();
        Tensor x = rand([3, 4], requires_grad: true), w = rand([4, 2], requires_grad: true), unused = rand([2], requires_grad: true);
        var y = x.mm(w).tanh();
        var up = rand(3, 2);
        var expected = autograd.grad([y], [x, w], [up], retain_graph: true);
        var found = Derivatives.Of([y], [x, unused, w], [up]);
        Assert.True(found[0]!.equal(expected[0]).all().ToBoolean());
        Assert.Null(found[1]);
        Assert.True(found[2]!.equal(expected[1]).all().ToBoolean());
        Assert.Null(x.grad);
        Assert.False(found[0]!.requires_grad);
    }

    [Fact]
    public void DerivativesOfDerivatives()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1.0, 2, -3 }, requires_grad: true);
        var first = Derivatives.Of([x.pow(4).sum()], [x], createGraph: true)[0]!;
        var second = Derivatives.Of([first.sum()], [x])[0]!;
        Assert.Equal([12.0, 48, 108], second.data<double>().ToArray());
    }

    [Fact]
    public void WhatLibtorchRefusesIsAnException()
    {
        using var scope = NewDisposeScope();
        var x = rand([3], requires_grad: true);
        var once = (x * x).sum();
        Derivatives.Of([once], [x]);
        Assert.Contains("second time", Assert.Throws<InvalidOperationException>(() => Derivatives.Of([once], [x])).Message,
            StringComparison.Ordinal);
        var z = x * 2;
        var changed = (z * z).sum();
        z.add_(1);
        Assert.Contains("inplace operation", Assert.Throws<InvalidOperationException>(() => Derivatives.Of([changed], [x])).Message,
            StringComparison.Ordinal);
        // And the next one works.
        Assert.NotNull(Derivatives.Of([(x * x).sum()], [x])[0]);
    }

    [Fact]
    public void WrongArgumentsAreNamed()
    {
        using var scope = NewDisposeScope();
        Tensor x = rand([3], requires_grad: true), plain = rand(3);
        Assert.Contains("no graph", Assert.Throws<ArgumentException>(() => Derivatives.Of([plain.sum()], [x])).Message,
            StringComparison.Ordinal);
        Assert.Contains("requires no gradient", Assert.Throws<ArgumentException>(() => Derivatives.Of([x.sum()], [plain])).Message,
            StringComparison.Ordinal);
        Assert.Contains("sum it up", Assert.Throws<ArgumentException>(() => Derivatives.Of([x * 2], [x])).Message,
            StringComparison.Ordinal);
        Assert.Contains("cotangent 0", Assert.Throws<ArgumentException>(() => Derivatives.Of([x * 2], [x], [rand(4)])).Message,
            StringComparison.Ordinal);
        Assert.Contains("1 cotangents", Assert.Throws<ArgumentException>(() => Derivatives.Of([x * 2, x * 3], [x], [rand(3)])).Message,
            StringComparison.Ordinal);
        Assert.Empty(Derivatives.Of([x.sum()], []));
    }

    [Fact]
    public void TheCauseOfAFailedBackwardPassReachesItsCaller()
    {
        using var scope = NewDisposeScope();
        var x = rand([3], requires_grad: true);
        foreach (var run in (Action<Tensor>[])[y => Derivatives.Of([y], [x]), y => Derivatives.Backward(y)])
        {
            var error = Assert.Throws<InvalidOperationException>(() => run(new Failing().Apply(x).sum()));
            Assert.Contains("Failing failed: the well is dry", error.Message, StringComparison.Ordinal);
            Assert.IsType<NotSupportedException>(error.InnerException);
        }
        Derivatives.Backward((x * 2).sum());
        using var g = x.grad!;
        Assert.True(g.eq(2).all().ToBoolean());
        x.grad = null;
    }

    [Fact]
    public void ARandomStateOfOtherBytesIsRefusedAndTheStreamGoesOn()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var state = generator.get_state();
        var first = rand(4, generator: generator);
        Tensor[] damaged = [zeros(10, ScalarType.Byte), zeros_like(state), full_like(state, 255), state.to(ScalarType.Int32),
            zeros([0], ScalarType.Byte)];
        foreach (var bad in damaged)
        {
            Assert.Contains("random state", Assert.Throws<ArgumentException>(() => generator.Restore(bad)).Message,
                StringComparison.Ordinal);
            Assert.Throws<ArgumentException>(() => RandomState.Restore(bad));
        }
        generator.Restore(state);
        Assert.True(rand(4, generator: generator).equal(first).all().ToBoolean());
        var global = get_rng_state();
        var drawn = rand(3);
        RandomState.Restore(global);
        Assert.True(rand(3).equal(drawn).all().ToBoolean());
    }

    private sealed class Failing : DifferentiableOperation
    {
        protected override Tensor[] Forward(Tensor[] inputs) => [inputs[0] * 2];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients) => throw new NotSupportedException("the well is dry");
    }
}
