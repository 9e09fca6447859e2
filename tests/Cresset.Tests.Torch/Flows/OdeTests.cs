using System.Text.Json;
using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class OdeTests
{
    private static readonly JsonElement Reference = JsonDocument.Parse(File.ReadAllText(Repository.Reference("flows/ode.json"))
        .Replace("NaN", "null")).RootElement;

    public static TheoryData<string> Problems => [.. Reference.GetProperty("problems").EnumerateObject().Select(p => p.Name)];

    internal static VelocityField Field(string problem)
    {
        static VelocityField VanDerPol(double mu) => (_, y) =>
        {
            using var scope = NewDisposeScope();
            return stack([y[1], mu * (1 - y[0] * y[0]) * y[1] - y[0]]).MoveToOuterDisposeScope();
        };
        return problem switch
        {
            "harmonic" => (_, y) =>
            {
                using var scope = NewDisposeScope();
                return stack([y[1], -4 * y[0]]).MoveToOuterDisposeScope();
            }
            ,
            "vdp_mu1" => VanDerPol(1),
            "vdp_mu3" => VanDerPol(3),
            "vdp_mu5" => VanDerPol(5),
            "lorenz" => (_, y) =>
            {
                using var scope = NewDisposeScope();
                return stack([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3 * y[2]]).MoveToOuterDisposeScope();
            }
            ,
            "forced" => (t, y) =>
            {
                using var scope = NewDisposeScope();
                return (-5 * (y - Math.Cos(t))).MoveToOuterDisposeScope();
            }
            ,
            _ => (_, y) =>
            {
                using var scope = NewDisposeScope();
                return Matrix().mv(y).MoveToOuterDisposeScope();
            }
            ,
        };
    }

    internal static Tensor Matrix() =>
        tensor(Reference.GetProperty("A4").EnumerateArray().SelectMany(r => r.EnumerateArray().Select(v => v.GetDouble())).ToArray())
            .reshape(4, 4);

    private static double[] Doubles(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetDouble())];

    private static Tensor States(JsonElement rows)
    {
        var values = rows.EnumerateArray().Select(Doubles).ToArray();
        return tensor(values.SelectMany(v => v).ToArray()).reshape(values.Length, values[0].Length);
    }

    [Theory]
    [MemberData(nameof(Problems))]
    public void SolutionsAndCountsEqualTheReference(string name)
    {
        using var scope = NewDisposeScope();
        var problem = Reference.GetProperty("problems").GetProperty(name);
        var times = Doubles(problem.GetProperty("t"));
        var y0 = tensor(Doubles(problem.GetProperty("y0")));
        var checkedRuns = 0;
        foreach (var run in problem.GetProperty("runs").EnumerateArray())
        {
            OdeMethod? method = run.GetProperty("method").GetString() switch
            {
                "dopri5" => OdeMethod.Dopri5,
                "euler" => OdeMethod.Euler,
                "midpoint" => OdeMethod.Midpoint,
                "heun2" => OdeMethod.Heun,
                "heun3" => OdeMethod.Heun3,
                "rk4_38" => OdeMethod.Rk4ThreeEighths,
                "rk4_classic" => OdeMethod.Rk4,
                "bosh3" or "dopri8" when run.TryGetProperty("steps_land_on_t", out _) =>
                    run.GetProperty("method").GetString() == "bosh3" ? OdeMethod.Bosh3 : OdeMethod.Dopri8,
                _ => null,
            };
            if (method is null || run.GetProperty("y").GetRawText().Contains("null")) continue;
            // The tightest tolerance costs seconds and tests nothing more on the longer problems.
            if (name is "lorenz" or "vdp_mu1" or "vdp_mu3" or "vdp_mu5" && run.TryGetProperty("rtol", out var rtol)
                && rtol.GetDouble() < 1e-8) continue;
            var landing = run.TryGetProperty("steps_land_on_t", out _);
            var options = method.Value.IsAdaptive()
                ? new OdeOptions
                {
                    Method = method.Value,
                    RelativeTolerance = run.GetProperty("rtol").GetDouble(),
                    AbsoluteTolerance = run.GetProperty("atol").GetDouble(),
                    Output = landing ? OdeOutput.Landing : OdeOutput.Interpolated,
                }
                : new OdeOptions { Method = method.Value, StepSize = run.GetProperty("step_size").GetDouble() };
            if (!method.Value.IsAdaptive() && options.StepSize < 0.05 && name != "forced") continue;
            using var solution = Ode.Solve(Field(name), y0, times, options);
            var what = $"{name} {method} {options.RelativeTolerance} {(landing ? "landing" : "")}";
            // Chaotic and relaxation problems magnify rounding.
            FlowGoldens.Close(States(run.GetProperty("y")), solution.States,
                name.StartsWith("vdp", StringComparison.Ordinal) || name == "lorenz" ? 1e-7 : 1e-9, what);
            if (run.TryGetProperty("nfe", out var nfe)) Assert.Equal(nfe.GetInt32(), solution.Statistics.Evaluations);
            if (run.TryGetProperty("accepted", out var accepted))
                Assert.Equal((accepted.GetInt32(), run.GetProperty("rejected").GetInt32()),
                    (solution.Statistics.Accepted, solution.Statistics.Rejected));
            checkedRuns++;
        }
        Assert.True(checkedRuns > 4);
    }

    /// <summary>The reference's dense output of these methods is poor: ours must beat its error at equal tolerances.</summary>
    [Theory]
    [InlineData("bosh3", OdeMethod.Bosh3, 5)]
    [InlineData("dopri8", OdeMethod.Dopri8, 10)]
    [InlineData("tsit5", OdeMethod.Tsit5, 1)]
    public void ErrorAtRequestedTimesIsFarBelowTheReference(string method, OdeMethod ours, double factor)
    {
        using var scope = NewDisposeScope();
        foreach (var name in new[] { "harmonic", "linear4", "vdp_mu3" })
        {
            var problem = Reference.GetProperty("problems").GetProperty(name);
            foreach (var run in problem.GetProperty("runs").EnumerateArray())
            {
                if (run.GetProperty("method").GetString() != method || run.TryGetProperty("steps_land_on_t", out _)
                    || run.GetProperty("rtol").GetDouble() != 1e-7) continue;
                var options = new OdeOptions
                {
                    Method = ours,
                    RelativeTolerance = 1e-7,
                    AbsoluteTolerance = run.GetProperty("atol").GetDouble()
                };
                using var solution = Ode.Solve(Field(name), tensor(Doubles(problem.GetProperty("y0"))), Doubles(problem.GetProperty("t")),
                    options);
                var error = (solution.States - States(problem.GetProperty("truth"))).abs().max().ToDouble();
                var theirs = run.GetProperty("max_abs_err").GetDouble();
                var limit = method == "bosh3" && name == "vdp_mu3" ? theirs / 2 : theirs / factor;
                Assert.True(error <= limit,
                    $"{name} {method}: {error:g3} against {theirs:g3}, {solution.Statistics}, theirs {run.GetProperty("nfe")}");
            }
        }
    }

    [Fact]
    [LeakFree]
    public void EventsOfTheFallingBall()
    {
        using var scope = NewDisposeScope();
        VelocityField ball = (_, y) => stack([y[1], full_like(y[1], -9.81)]);
        foreach (var method in new[] { OdeMethod.Dopri5, OdeMethod.Bosh3, OdeMethod.Tsit5, OdeMethod.Dopri8, OdeMethod.Rk4,
            OdeMethod.AdaptiveHeun })
        {
            var options = new OdeOptions
            {
                Method = method,
                RelativeTolerance = 1e-9,
                AbsoluteTolerance = 1e-9,
                StepSize = method == OdeMethod.Rk4 ? 1.0 / 16 : 0
            };
            using var found = Ode.SolveUntil(ball, tensor([10.0, 0.0]), 0, 10, (_, y) => y[0].ToDouble(), options);
            Assert.Equal(1.4278431229270645, found.Time, 8);
            Assert.Equal(-14.007141035914503, found.State[1].ToDouble(), 6);
        }
        Assert.Throws<OdeStepException>(() => Ode.SolveUntil(ball, tensor([10.0, 0.0]), 0, 1, (_, y) => y[0].ToDouble()));
    }

    [Fact]
    public void ProportionalIntegralControlRejectsLess()
    {
        using var scope = NewDisposeScope();
        foreach (var (name, mu) in new[] { ("vdp_mu1", 1.0), ("vdp_mu3", 3.0) })
        {
            var options = new OdeOptions { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-7 };
            using var plain = Ode.Solve(Field(name), tensor([2.0, 0.0]), [0, 20], options);
            using var steady = Ode.Solve(Field(name), tensor([2.0, 0.0]), [0, 20],
                options with { Control = StepControl.ProportionalIntegral });
            Assert.True(steady.Statistics.Rejected < 0.7 * plain.Statistics.Rejected,
                $"mu {mu}: {steady.Statistics} against {plain.Statistics}");
            Assert.True(steady.Statistics.Evaluations <= plain.Statistics.Evaluations,
                $"mu {mu}: {steady.Statistics} against {plain.Statistics}");
        }
    }

    [Theory]
    [InlineData(OdeGradient.Direct)]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void GradientsOfALinearSolveEqualTheReference(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        var reference = Reference.GetProperty("gradients_linear4");
        var a = Matrix().requires_grad_(true);
        var y0 = tensor(Doubles(reference.GetProperty("y0"))).requires_grad_(true);
        foreach (var method in new[] { OdeMethod.Dopri5, OdeMethod.Tsit5, OdeMethod.Dopri8, OdeMethod.Rk4 })
        {
            var options = new OdeOptions
            {
                Method = method,
                RelativeTolerance = 1e-10,
                AbsoluteTolerance = 1e-12,
                Steps = method.IsAdaptive() ? 0 : 400
            };
            var (solution, record) = TrainableOde.Solve((_, y) => a.mv(y), [a], y0, [0, 0.7, reference.GetProperty("T").GetDouble()],
                options, gradient);
            var loss = solution.Final.dot(tensor(Doubles(reference.GetProperty("weights"))));
            Assert.Equal(reference.GetProperty("direct").GetProperty("loss").GetDouble(), loss.ToDouble(), 8);
            loss.backward();
            FlowGoldens.Close(States(reference.GetProperty("direct").GetProperty("grad_A")), a.grad!, 1e-8, $"{method} A");
            FlowGoldens.Close(tensor(Doubles(reference.GetProperty("direct").GetProperty("grad_y0"))), y0.grad!, 1e-8, $"{method} y0");
            Assert.Null(record.Failure);
            a.grad!.zero_();
            y0.grad!.zero_();
        }
    }

    [Theory]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void GradientsOfIntermediateTimesEqualDirectOnes(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        var weights = arange(12, dtype: ScalarType.Float64).reshape(3, 4);
        List<Tensor> found = [];
        foreach (var method in new[] { OdeGradient.Direct, gradient })
        {
            var a = Matrix().requires_grad_(true);
            var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-11, Output = OdeOutput.Landing };
            var (solution, _) = TrainableOde.Solve((t, y) => a.mv(y) * Math.Cos(t), [a], ones(4, dtype: ScalarType.Float64), [2, 1.1, 0.4],
                options, method, seminorm: true);
            (solution.States * weights).sum().backward();
            found.Add(a.grad!);
        }
        FlowGoldens.Close(found[0], found[1], 1e-7);
    }

    [Fact]
    public void FailuresSayWhereAndWhy()
    {
        using var scope = NewDisposeScope();
        var blowUp = Assert.Throws<OdeStepException>(() => Ode.Solve((_, y) => y * y, ones(1, dtype: ScalarType.Float64), [0, 2]));
        Assert.InRange(blowUp.Time, 0.99, 1.01);
        Assert.Contains("component 0", blowUp.Message);
        var notFinite = Assert.Throws<OdeStepException>(
            () => Ode.Solve((t, y) => t > 0.5 ? y * double.NaN : y, ones(3, dtype: ScalarType.Float64), [0, 1]));
        Assert.Contains("not finite", notFinite.Message);
        Assert.InRange(notFinite.Time, 0.49, 0.51);
        Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => Ode.Solve((_, y) => y, ones(1), [0, 1], OdeOptions.Dopri5(0)));
        Assert.Throws<ArgumentException>(() => Ode.Solve((_, y) => y, ones(1), [0, 1, 1]));
        Assert.Throws<ArgumentException>(() => Ode.Solve((_, y) => y, full(1, float.NaN), [0, 1]));
        Assert.Contains("MaxSteps",
            Assert.Throws<OdeStepException>(
                () => Ode.Solve(Field("vdp_mu5"), tensor([2.0, 0.0]), [0, 20], new OdeOptions { MaxSteps = 20 })).Message);
    }

    [Fact]
    public void ABackwardPassThatFailsTellsItsCallerAndKeepsTheReason()
    {
        using var scope = NewDisposeScope();
        var a = ones(1, dtype: ScalarType.Float64).requires_grad_(true);
        var calls = 0;
        var (solution, record) = TrainableOde.Solve((_, y) => ++calls > 40 ? throw new InvalidOperationException("broken") : a * y, [a],
            ones(1, dtype: ScalarType.Float64), [0, 1], OdeOptions.Dopri5(1e-6));
        calls = 100;
        Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => { solution.Final.sum().backward(); });
        Assert.Equal("broken", record.Failure!.Message);
        Assert.True(a.grad is null);
    }

    [Fact]
    public void PerSampleNormKeepsASampleIndependentOfItsMates()
    {
        using var scope = NewDisposeScope();
        VelocityField field = (t, y) => -50 * (y - Math.Cos(t));
        var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6, Norm = ErrorNorm.PerSample };
        var many = zeros(1000, 2, dtype: ScalarType.Float64);
        many[0] = 5;
        double Error(OdeSolution solution)
        {
            double a = 2500.0 / 2501, b = 50.0 / 2501, t = 0.05;
            return Math.Abs(solution.Final[0, 0].ToDouble() - (a * Math.Cos(t) + b * Math.Sin(t) + (5 - a) * Math.Exp(-50 * t)));
        }
        using var solution = Ode.Solve(field, many, [0, 0.05], options);
        using var alone = Ode.Solve(field, many.narrow(0, 0, 1), [0, 0.05], options);
        using var shared = Ode.Solve(field, many, [0, 0.05], options with { Norm = ErrorNorm.RootMeanSquare });
        Assert.InRange(Error(solution), 0, 3 * Error(alone));
        Assert.True(Error(shared) > 5 * Error(solution), $"{Error(shared)} {Error(solution)}");
    }

    [Fact]
    [LeakFree]
    public void SolvesLeaveNothingBehind()
    {
        var start = ones(5);
        using (var solution = Ode.Solve((t, y) => y, start, [0, 0.2, 0.9], OdeOptions.Dopri5(1e-5)))
        {
            Assert.Equal(3, solution.States.shape[0]);
        }
        using (NewDisposeScope())
        {
            var solution = Ode.Solve((t, y) => y * t, start, [0, 0.2, 0.9], OdeOptions.Fixed(OdeMethod.Rk4, 3));
            Assert.Equal(Math.Exp(0.405), solution.States[2, 0].ToDouble(), 4);
        }
        start.Dispose();
    }
}
