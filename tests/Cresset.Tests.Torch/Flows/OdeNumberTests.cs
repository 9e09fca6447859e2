using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Solves where numbers are small, broken or not named.</summary>
public sealed class OdeNumberTests
{
    public static TheoryData<OdeMethod, ScalarType> Halves
        => [.. Enum.GetValues<OdeMethod>().SelectMany(m => new[] { (m, ScalarType.BFloat16), (m, ScalarType.Float16) })];

    [Theory]
    [MemberData(nameof(Halves))]
    public void StatesOf16BitsKeepWhatASmallStepAdds(OdeMethod method, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var options = method.IsAdaptive() ? new OdeOptions { Method = method, RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-3 }
            : OdeOptions.Fixed(method, 200);
        VelocityField decay = (_, y) =>
        {
            Assert.Equal(type, y.dtype);
            return -y;
        };
        var (state, _) = Ode.Final(decay, ones(2, dtype: type), 0, 1, options);
        Assert.Equal(type, state.dtype);
        Assert.Equal(Math.Exp(-1), state[0].to(ScalarType.Float64).ToDouble(), method == OdeMethod.Euler ? 5e-3 : 4e-3);
    }

    [Theory]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void GradientsOf16BitsComeInTheTypeOfTheParameters(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        var rate = full(1, 1.0, dtype: ScalarType.BFloat16).requires_grad_();
        var (solution, _) = TrainableOde.Solve((_, y) => -rate * y, [rate], ones(1, dtype: ScalarType.BFloat16), [0, 1],
            OdeOptions.Fixed(OdeMethod.Rk4, 100), gradient);
        solution.Final.sum().backward();
        Assert.Equal(ScalarType.BFloat16, rate.grad!.dtype);
        Assert.Equal(-Math.Exp(-1), rate.grad.to(ScalarType.Float64).ToDouble(), 0.03);
    }

    [Theory]
    [InlineData(OdeMethod.Dopri5)]
    [InlineData(OdeMethod.Rodas4)]
    public void AStateWithoutValuesHasASolution(OdeMethod method)
    {
        using var scope = NewDisposeScope();
        Assert.Equal([0L, 2L], Ode.Final((_, y) => -y, zeros(0, 2), 0, 1, new OdeOptions { Method = method }).State.shape);
    }

    [Theory]
    [InlineData(OdeMethod.Euler)]
    [InlineData(OdeMethod.Rk4)]
    public void AFixedStepMethodThatEndsInNaNSaysWhere(OdeMethod method)
    {
        using var scope = NewDisposeScope();
        VelocityField broken = (t, y) => t > .3 ? y * double.NaN : -y;
        var error = Assert.Throws<OdeStepException>(
            () => Ode.Solve(broken, ones(1, dtype: ScalarType.Float64), [0, .25, .5, 1], OdeOptions.Fixed(method, 8)));
        Assert.Equal(.5, error.Time);
        Assert.Throws<OdeStepException>(
            () => Ode.SolveDense(broken, ones(1, dtype: ScalarType.Float64), 0, 1, OdeOptions.Fixed(method, 8)));
        Assert.Throws<OdeStepException>(() => FlowSampler.Sample(broken, ones(1), [0, .5, 1], method));
        Assert.Throws<OdeStepException>(
            () => Ode.Final((_, y) => y * y, ones(1, dtype: ScalarType.Float64), 0, 3, OdeOptions.Fixed(method, 50)));
    }

    [Theory]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void ATensorThatNobodyNamedIsRefusedInsteadOfLeftWithoutGradient(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        var weight = ones(1, dtype: ScalarType.Float64).requires_grad_();
        var condition = ones(1, dtype: ScalarType.Float64).requires_grad_();
        VelocityField field = (_, y) => -weight * y + condition;
        var start = ones(1, dtype: ScalarType.Float64);
        Assert.Contains("not among the parameters", Assert.Throws<ArgumentException>(
            () => TrainableOde.Solve(field, [weight], start, [0, 1], gradient: gradient)).Message, StringComparison.Ordinal);
        Assert.True(weight.requires_grad);
        var (solution, _) = TrainableOde.Solve(field, [weight, condition], start, [0, 1], gradient: gradient);
        solution.Final.sum().backward();
        // y' = -w y + c from 1: y(1) = e^-w + c (1 - e^-w) / w; the few large steps of the default tolerance are differentiated.
        Assert.Equal(1 - Math.Exp(-1), condition.grad!.ToDouble(), 1e-3);
    }

    [Fact]
    public void WhatAFlowCannotTakeIsNamed()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentOutOfRangeException>(() => Dequantization.Uniform(full([2, 3], 1.5f), 8));
        Assert.Equal([2L, 3L], Dequantization.Uniform(full([2, 3], 2f), 8).shape);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogitPreprocessing(0).Forward(tensor(new[] { 0f, .5f }).reshape(1, 2)));
        Assert.Equal([0L], new LogitPreprocessing().Forward(zeros(0, 2)).LogAbsDet.shape);
        Assert.Contains("at least two values",
            Assert.Throws<Cresset.Tensors.ShapeException>(() => new ActNorm(3).Forward(ones(1, 3))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => FlowSampler.Sample((_, y) => -y, ones(1), null, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiscreteMatching().Loss(randn(2, 5, 4), full([2, 5], 9, dtype: int64),
            zeros(2, 5, dtype: int64), tensor(new[] { .5f, .5f })));
        Assert.Throws<Cresset.Tensors.ShapeException>(() => Sde.Solve((_, y) => -y, (_, _) => ones(5), zeros(3, 2), [0, .5, 1]));
        Assert.Contains("supply holds -0.5",
            Assert.Throws<ArgumentException>(() => TransportPlan.Exact([1, 2, 3, 4], [1.5, -.5], [.5, .5])).Message,
            StringComparison.Ordinal);
        Assert.Throws<Cresset.Tensors.ShapeException>(() => new RealNvp(new() { Features = 2, Hidden = [4] }).Interpolate(randn(3, 2),
            randn(2, 2), 3));
    }
}
