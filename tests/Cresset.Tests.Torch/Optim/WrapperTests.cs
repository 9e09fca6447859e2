using Cresset.Optim;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Lookahead, sharpness-aware steps and averages over weights that move, join, are tied or come in half precision.</summary>
public sealed class WrapperTests
{
    private static readonly SgdRule Tenth = new() { LearningRate = 0.1 };

    [Fact]
    public void LookaheadTakesInParametersThatJoinLater()
    {
        using var scope = NewDisposeScope();
        using var first = Ones(3);
        using var late = Ones(2);
        using var inner = Of(("first", first));
        using var ahead = new Lookahead(inner, period: 1, alpha: 0.5);
        inner.Add(new ParameterGroupSpec("late", [new NamedParameter("late", late)]));
        (first.grad, late.grad) = (ones(3), ones(2));
        ahead.Step();
        Assert.Equal(0.95, first[0].ToDouble(), 6);
        Assert.Equal(0.95, late[0].ToDouble(), 6);
        Assert.Equal(["first", "late"], ahead.StateDict().Keys.Order());
    }

    [Fact]
    public void LookaheadKeepsTheDigitsOfWeightsThatBecameFloat64()
    {
        using var scope = NewDisposeScope();
        using var net = nn.Linear(2, 1, hasBias: false);
        using (no_grad()) net.weight!.fill_(1);
        using var inner = new Optimizer(net, Tenth);
        using var ahead = new Lookahead(inner, period: 1, alpha: 0.5);
        net.to(float64);
        net.weight!.grad = full_like(net.weight, 1.0 / 3).detach();
        ahead.Step();
        Assert.Equal(1 - (0.05 / 3), net.weight![0, 0].ToDouble(), 14);
    }

    [Fact]
    public void LookaheadMovesEveryNameOfATiedWeight()
    {
        using var scope = NewDisposeScope();
        using var net = new Tied();
        using var inner = new Optimizer(net, Tenth);
        using var ahead = new Lookahead(inner, period: 1, alpha: 0.5);
        net.to(float64);
        net.One.grad = ones(4, dtype: float64);
        ahead.Step();
        Assert.Equal(0.95, net.One[0].ToDouble(), 6);
        Assert.Equal(0.95, net.Other[0].ToDouble(), 6);
    }

    [Fact]
    public void SlowWeightsOfParametersThatAreNotHereAreRefused()
    {
        using var scope = NewDisposeScope();
        using var weight = Ones(3);
        using var inner = Of(("weight", weight));
        using var ahead = new Lookahead(inner);
        var refused = Assert.Throws<ArgumentException>(
            () => ahead.LoadStateDict(new Dictionary<string, Tensor> { ["weight"] = ones(3), ["other"] = ones(1) }));
        Assert.Contains("other", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AClosureThatFailsLeavesTheWeightsOfBefore()
    {
        using var scope = NewDisposeScope();
        using var weight = Ones(3);
        using var inner = Of(("weight", weight));
        var sharp = new SharpnessAware(inner, rho: 0.5);
        var calls = 0;
        Assert.Throws<InvalidDataException>(() => sharp.Step(() =>
        {
            if (calls++ == 1) throw new InvalidDataException("no more data");
            weight.grad = ones(3);
            return 1;
        }));
        Assert.Equal(3, weight.sum().ToDouble());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheBallCountsAllGradientsOfATiedWeight(bool parted)
    {
        using var scope = NewDisposeScope();
        using var net = new Tied();
        using var inner = new Optimizer(net, Tenth);
        if (parted) net.to(float64);
        var type = parted ? float64 : float32;
        var sharp = new SharpnessAware(inner, rho: 0.5);
        double[] seen = [];
        sharp.Step(() =>
        {
            seen = [.. Enumerable.Range(0, 2).SelectMany(i => new[] { net.One[i].ToDouble(), net.Other[i].ToDouble() })];
            net.zero_grad();
            var loss = (net.One * tensor(new double[] { 3, 0, 0, 0 }, dtype: type)).sum()
                + (net.Other * tensor(new double[] { 0, 4, 0, 0 }, dtype: type)).sum();
            loss.backward();
            return loss.ToDouble();
        });
        // The gradient is (3, 4, 0, 0), of length 5: half a unit that way, in both names.
        Assert.Equal([1.3, 1.3, 1.4, 1.4], seen.Select(s => Math.Round(s, 5)));
        Assert.Equal([0.7, 0.6], new[] { net.Other[0].ToDouble(), net.Other[1].ToDouble() }.Select(s => Math.Round(s, 5)));
    }

    [Theory]
    [InlineData(ScalarType.Float16, 400)]
    [InlineData(ScalarType.Float32, 1e20)]
    public void AnAdaptiveBallOfLargeWeightsStaysFinite(ScalarType type, double size)
    {
        using var scope = NewDisposeScope();
        using var weight = new Parameter(full(4, size, dtype: type));
        using var inner = Of(("weight", weight));
        var seen = 0.0;
        new SharpnessAware(inner, rho: 0.5, adaptive: true).Step(() =>
        {
            seen = weight[0].ToDouble();
            weight.grad = ones(4, dtype: type);
            return 0;
        });
        // size + rho size^2 / (2 size)
        Assert.Equal(1.25, seen / size, 3);
    }

    [Fact]
    public void AnAverageIsAppliedToEveryNameOfATiedWeight()
    {
        using var scope = NewDisposeScope();
        using var net = new Tied();
        using var optimizer = new Optimizer(net, Tenth);
        using var average = new WeightAverage(net, WeightAverageOptions.Ema(0.5));
        net.One.grad = ones(4);
        optimizer.Step(average: average);
        net.to(float64);
        net.One.grad = ones(4, dtype: float64);
        optimizer.Step(average: average);
        average.Apply();
        Assert.Equal(0.85, net.One[0].ToDouble(), 6);
        Assert.Equal(0.85, net.Other[0].ToDouble(), 6);
        average.Restore();
        Assert.Equal(0.8, net.One[0].ToDouble(), 6);
        Assert.Equal(0.8, net.Other[0].ToDouble(), 6);
    }

    [Fact]
    public void ADebiasedAverageOfAParameterThatIsNewIsItsValue()
    {
        using var scope = NewDisposeScope();
        using var weight = Ones(3);
        using var average = new WeightAverage([new NamedParameter("weight", weight)], new() { Decay = 0.9, Debias = true });
        average.LoadStateDict(new Dictionary<string, Tensor>(), 50);
        average.Update();
        average.Apply();
        Assert.Equal(1, weight[0].ToDouble(), 2);
    }

    [Fact]
    public void ACountOfUpdatesThatNoDoubleTellsApartIsRefused()
    {
        using var weight = Ones(3);
        using var average = new WeightAverage([new NamedParameter("weight", weight)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => average.LoadStateDict(new Dictionary<string, Tensor>(), long.MaxValue));
    }

    [Fact]
    public void WhatWasDisposedSaysSo()
    {
        using var scope = NewDisposeScope();
        using var weight = Ones(3);
        weight.grad = ones(3);
        var optimizer = new Optimizer([new ParameterGroupSpec("all", [new NamedParameter("weight", weight)])], new AdamRule());
        var average = new WeightAverage([new NamedParameter("weight", weight)]);
        var ahead = new Lookahead(optimizer);
        optimizer.Step(average: average);
        ahead.Dispose();
        average.Dispose();
        Assert.Throws<ObjectDisposedException>(() => ahead.Step());
        Assert.Throws<ObjectDisposedException>(average.Update);
        Assert.Throws<ObjectDisposedException>(average.Apply);
        optimizer.Dispose();
        optimizer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => optimizer.Step());
        Assert.Throws<ObjectDisposedException>(() => optimizer.StateDict());
    }

    private static Parameter Ones(long size) => new(ones(size));

    private static Optimizer Of((string Name, Parameter Value) one) =>
        new([new ParameterGroupSpec("all", [new NamedParameter(one.Name, one.Value)])], Tenth);

    private sealed class Tied : nn.Module
    {
        private readonly Parameter _one;
        private readonly Parameter _other;

        public Tied()
            : base(nameof(Tied))
        {
            _one = new Parameter(ones(4));
            _other = new Parameter(_one.detach());
            RegisterComponents();
        }

        public Parameter One => (Parameter)named_parameters().First(p => p.name == nameof(_one)).parameter;

        public Parameter Other => (Parameter)named_parameters().First(p => p.name == nameof(_other)).parameter;
    }
}
