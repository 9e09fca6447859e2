using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Events with direction, order and gradients; dense solutions, several tensors, times with gradients, stiff problems.</summary>
public sealed class OdeEventTests
{
    private const double Gravity = 9.81;

    private static readonly OdeOptions Tight = OdeOptions.Dopri5(1e-10);

    private static Tensor Fall(double time, Tensor y) => stack([y[1], full_like(y[1], -Gravity)]);

    private static Tensor State(double height, double speed) => tensor([height, speed], dtype: ScalarType.Float64);

    [Fact]
    public void AStartOnTheEventIsNone()
    {
        using var scope = NewDisposeScope();
        // Thrown up from the floor.
        using var up = Ode.SolveUntil(Fall, State(0, 3), 0, 10, (_, y) => y[0].ToDouble(), Tight);
        Assert.Equal(2 * 3 / Gravity, up.Time, 9);
        // Five bounces, each solve from the state that the last one gave: nothing nudges it off the floor.
        var (time, state) = (0.0, State(10, 0));
        double expected = 0, fall = Math.Sqrt(20 / Gravity), speed = Gravity * fall;
        for (var bounce = 0; bounce < 5; bounce++)
        {
            using var hit = Ode.SolveUntil(Fall, state, time, 20, (_, y) => y[0], Tight);
            expected += bounce == 0 ? fall : 2 * speed / Gravity;
            Assert.Equal(expected, hit.Time, 7);
            speed *= 0.9;
            (time, state) = (hit.Time, stack([hit.State[0], hit.State[1] * -0.9]));
        }
        // Backwards in time from the floor: where the ball was thrown from.
        using var back = Ode.SolveUntil(Fall, State(0, -3), 0, -10, (_, y) => y[0], Tight);
        Assert.Equal(-2 * 3 / Gravity, back.Time, 9);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TimeAndStateOfAnEventHaveTheirGradients(bool asTensor)
    {
        using var scope = NewDisposeScope();
        var height = tensor(10.0, dtype: ScalarType.Float64, requires_grad: true);
        var start = stack([height, zeros_like(height)]);
        using var found = asTensor ? Ode.SolveUntil(Fall, start, 0, 10, (_, y) => y[0], Tight)
            : Ode.SolveUntil(Fall, start, 0, 10, (_, y) => y[0].ToDouble(), Tight);
        // t = sqrt(2 h / g), v = -sqrt(2 g h).
        Assert.Equal(1 / Math.Sqrt(2 * Gravity * 10), Derivatives.Of([found.TimeTensor], [height], retainGraph: true)[0]!.ToDouble(), 6);
        Assert.Equal(-Math.Sqrt(Gravity / 20), Derivatives.Of([found.State[1]], [height], retainGraph: true)[0]!.ToDouble(), 6);
        Assert.Equal(0, Derivatives.Of([found.State[0]], [height])[0]!.ToDouble(), 6);
        // The event's own parameter: the floor rises, the ball lands earlier.
        var floor = tensor(1.0, dtype: ScalarType.Float64, requires_grad: true);
        using var landed = Ode.SolveUntil(Fall, State(10, 0), 0, 10, (_, y) => y[0] - floor, Tight);
        Assert.Equal(-1 / Math.Sqrt(2 * Gravity * 9), Derivatives.Of([landed.TimeTensor], [floor])[0]!.ToDouble(), 6);
        // One that moves with time: g = y - t.
        using var moving = Ode.SolveUntil((_, y) => zeros_like(y), tensor([2.0], dtype: ScalarType.Float64).requires_grad_(true), 0, 10,
            (t, y) => y[0] - t, Tight);
        Assert.Equal(2, moving.Time, 9);
    }

    [Fact]
    public void DirectionsOrderAndSamples()
    {
        using var scope = NewDisposeScope();
        VelocityField wave = (_, y) => stack([y[1], -y[0]]);
        OdeEventFunction Crossing(EventDirection direction) => new((_, y) => y[0]) { Direction = direction, Terminal = false };
        using var events = Ode.SolveEvents(wave, State(0, 1), 0, 10,
            [Crossing(EventDirection.Either), Crossing(EventDirection.Rising), Crossing(EventDirection.Falling)], OdeOptions.Dopri5(1e-9));
        Assert.False(events.EndedByEvent);
        double[] Times(int function) => [.. events.Crossings.Where(c => c.Function == function).Select(c => c.Time)];
        Assert.Equal([Math.PI, 2 * Math.PI, 3 * Math.PI], Times(0).Select(t => Math.Round(t, 6)), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal([2 * Math.PI], Times(1), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal([Math.PI, 3 * Math.PI], Times(2), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal(events.Crossings.Select(c => c.Time).Order(), events.Crossings.Select(c => c.Time));
        // A time of its own for each ball; the solve ends when the last one has landed.
        var balls = tensor(new double[,] { { 10, 0 }, { 5, 0 }, { 2, 1 } });
        using var rain = Ode.SolveEvents((_, y) => stack([y.select(1, 1), full_like(y.select(1, 1), -Gravity)], 1), balls, 0, 10,
            [new OdeEventFunction((_, y) => y.select(1, 0))], Tight);
        Assert.True(rain.EndedByEvent);
        Assert.Equal([2, 1, 0], rain.Crossings.Select(c => c.Element).Distinct());
        Assert.Equal(Math.Sqrt(10 / Gravity), rain.Crossings.First(c => c.Element == 1).Time, 8);
        Assert.Equal(Math.Sqrt(20 / Gravity), rain.EndTime, 8);
        Assert.Contains("NaN",
            Assert.Throws<OdeStepException>(() => Ode.SolveUntil(Fall, State(1, 0), 0, 1, (_, _) => double.NaN)).Message);
        Assert.Contains("No event",
            Assert.Throws<OdeStepException>(() => Ode.SolveUntil(Fall, State(10, 0), 0, 1, (_, y) => y[0])).Message);
        Assert.Throws<ArgumentException>(() => Ode.SolveEvents(Fall, State(1, 0), 0, 1, []));
    }

    [Theory]
    [InlineData(OdeMethod.Dopri5)]
    [InlineData(OdeMethod.Bosh3)]
    [InlineData(OdeMethod.Dopri8)]
    [InlineData(OdeMethod.Rk4)]
    [InlineData(OdeMethod.Rodas4)]
    public void ADenseSolutionAnswersAnyTime(OdeMethod method)
    {
        using var scope = NewDisposeScope();
        var options = new OdeOptions
        {
            Method = method,
            RelativeTolerance = 1e-8,
            AbsoluteTolerance = 1e-8,
            Steps = method == OdeMethod.Rk4 ? 400 : 0
        };
        VelocityField wave = (_, y) => stack([y[1], -y[0]]);
        var start = State(1, 0).requires_grad_(true);
        using var dense = Ode.SolveDense(wave, start, 0, 5, options);
        foreach (var t in new[] { 0, 0.123, 2.5, 4.9, 5 }) Assert.Equal(Math.Cos(t), dense.At(t)[0].ToDouble(), 5);
        Assert.Equal([3L, 2L], dense.At([0.5, 1, 2]).shape);
        Assert.Equal(Math.Cos(2.5), Derivatives.Of([dense.At(2.5)[0]], [start])[0]![0].ToDouble(), 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => dense.At(5.1));
        var walked = Ode.Steps(wave, start.detach(), 0, 5, options).ToList();
        Assert.Equal(dense.StepTimes, walked.Select(s => s.Time));
        Assert.Equal(Math.Cos(5), walked[^1].State[0].ToDouble(), 5);
    }

    [Fact]
    public void SeveralTensorsAndTimesWithGradients()
    {
        using var scope = NewDisposeScope();
        var (states, _) = Ode.Solve((_, y) => [y[1], -y[0].reshape(2)],
            [ones(2, dtype: ScalarType.Float64), zeros(2, dtype: ScalarType.Float64)], [0, 1, 2], Tight);
        Assert.Equal([3L, 2L], states[0].shape);
        Assert.Equal(Math.Cos(2), states[0][2, 1].ToDouble(), 8);
        Assert.Equal(-Math.Sin(1), states[1][1, 0].ToDouble(), 8);
        Assert.Contains("slope 0",
            Assert.Throws<ShapeException>(() => Ode.Solve((_, y) => [zeros(3), y[1]], [zeros(2), zeros(2)], [0, 1])).Message);
        // y' = -t y: y(t) = y0 exp((t0^2 - t^2) / 2).
        var times = tensor([0.5, 1, 2], dtype: ScalarType.Float64, requires_grad: true);
        var (curve, _) = Ode.SolveAt((t, y) => -y * t, ones(1, dtype: ScalarType.Float64), times, Tight);
        var end = Math.Exp((0.25 - 4) / 2);
        var gradient = Derivatives.Of([curve[2, 0]], [times])[0]!.data<double>().ToArray();
        Assert.Equal([0.5 * end, 0, -2 * end], gradient, (a, b) => Math.Abs(a - b) < 1e-7);
    }

    [Fact]
    public void RosenbrockStepsThroughStiffProblems()
    {
        using var scope = NewDisposeScope();
        // Robertson's reactions: reference values of Hairer and Wanner at t = 40.
        VelocityField robertson = (_, y) =>
        {
            var (a, b, c) = (y[0], y[1], y[2]);
            var (slow, fast, back) = (a * 0.04, b.square() * 3e7, b * c * 1e4);
            return stack([back - slow, slow - back - fast, fast]);
        };
        var options = new OdeOptions { Method = OdeMethod.Rodas4, RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-10 };
        using var found = Ode.Solve(robertson, tensor([1.0, 0, 0]), [0, 40], options);
        Assert.Equal(0.7158270687, found.Final[0].ToDouble(), 6);
        Assert.Equal(9.185534764e-6, found.Final[1].ToDouble(), 9);
        Assert.True(found.Statistics.Accepted < 200, $"{found.Statistics.Accepted} steps");
        // A fast decay onto a curve, without a graph: the Jacobian by differences.
        using var forced = Ode.Solve((t, y) => (y.detach() - Math.Cos(t)) * -1e5, tensor([2.0]), [0, 1], options);
        Assert.Equal(Math.Cos(1), forced.Final[0].ToDouble(), 4);
        // Independent rows give the same as one large system.
        var rows = randn(5, 2, dtype: ScalarType.Float64);
        VelocityField field = (_, y) => stack([y.select(1, 1), -y.select(1, 0) * 50 - y.select(1, 1) * 100], 1);
        using var whole = Ode.Solve(field, rows, [0, 1], options);
        using var split = Ode.Solve(field, rows, [0, 1], options with { IndependentRows = true });
        FlowGoldens.Close(whole.Final, split.Final, 1e-9);
        // Order four.
        double Error(int steps)
        {
            var h = 1.0 / steps;
            var state = tensor([1.0]);
            VelocityField plain = (t, y) => -y * t;
            for (var i = 0; i < steps; i++) state = RosenbrockStep.Take(plain, i * h, h, state, plain(i * h, state), false).State;
            return Math.Abs(state.ToDouble() - Math.Exp(-0.5));
        }
        Assert.InRange(Math.Log2(Error(10) / Error(20)), 3.5, 5);
        // Gradients through its steps equal those of an explicit method.
        var initial = tensor([1.0, 0.5], requires_grad: true);
        VelocityField smooth = (_, y) => stack([y[1], (1 - y[0] * y[0]) * y[1] - y[0]]);
        Tensor Gradient(OdeMethod method) =>
            Derivatives.Of(
                [Ode.Solve(smooth, initial, [0, 1],
                    new OdeOptions { Method = method, RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-9 }).Final[0]], [initial])[0]!;
        FlowGoldens.Close(Gradient(OdeMethod.Dopri5), Gradient(OdeMethod.Rodas4), 1e-6);
    }
}
