using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Newer optimizers against published implementations.</summary>
[LeakFree]
public sealed class ModernReferenceTests
{
    private const double Rate = 0.02, Decay = 0.05;

    public static TheoryData<string, double> Names => new()
    {
        { "timm/lion", 1e-9 }, { "po/lion", 1e-9 }, { "timm/clion", 1e-9 }, { "timm/cadamw", 1e-9 }, { "timm/lamb", 1e-9 },
        { "timm/lambc", 1e-9 },
        { "po/soap", 1e-6 },
    };

    private static Optimizer Create(string name, IReadOnlyList<ParameterGroupSpec> groups, bool fused) => name switch
    {
        "timm/lion" or "po/lion" =>
            new Optimizer(groups, new LionRule { LearningRate = Rate, WeightDecay = Decay }) { UseFusedKernels = fused },
        "timm/clion" =>
            new Optimizer(groups, new LionRule { LearningRate = Rate, WeightDecay = Decay, Cautious = true }) { UseFusedKernels = fused },
        "timm/cadamw" =>
            new Optimizer(groups, new AdamWRule { LearningRate = Rate, WeightDecay = Decay, Cautious = true }) { UseFusedKernels = fused },
        "timm/lamb" => new Optimizer(groups, new LambRule { LearningRate = Rate, WeightDecay = Decay }) { UseFusedKernels = fused },
        "timm/lambc" =>
            new Optimizer(groups, new LambRule { LearningRate = Rate, WeightDecay = Decay, ClipTrust = true }) { UseFusedKernels = fused },
        "po/soap" => new Optimizer(groups, new SoapRule { LearningRate = Rate, WeightDecay = Decay }) { UseFusedKernels = fused },
        _ => throw new NotSupportedException(name),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void TrajectoryAgrees(string name, double tolerance)
    {
        foreach (var fused in new[] { true, false })
        {
            using var problem = new ReferenceProblem(ScalarType.Float64);
            using var optimizer = Create(name, problem.OneGroup, fused);
            var (error, where) = problem.Compare(optimizer, ReferenceProblem.Modern[name]);
            Assert.True(error <= tolerance, $"{name} fused {fused}: {error:E2} at {where}");
        }
    }

    [Theory]
    [InlineData("sgd")]
    [InlineData("adamw")]
    [InlineData("adamw_r_power")]
    [InlineData("radam")]
    public void ScheduleFreeAtBothPoints(string name)
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        using Optimizer optimizer = name switch
        {
            "sgd" => new Optimizer(problem.OneGroup, new ScheduleFreeSgdRule { LearningRate = 0.5, WeightDecay = Decay, WarmUpSteps = 4 }),
            "adamw" =>
                new Optimizer(problem.OneGroup, new ScheduleFreeAdamWRule { LearningRate = Rate, WeightDecay = Decay, WarmUpSteps = 4 }),
            "adamw_r_power" =>
                new Optimizer(problem.OneGroup,
                    new ScheduleFreeAdamWRule { LearningRate = Rate, WeightDecay = Decay, R = 0.5, WeightRatePower = 1 }),
            _ => new Optimizer(problem.OneGroup, new ScheduleFreeRAdamRule { LearningRate = Rate, WeightDecay = Decay }),
        };
        var (y, x) = (ReferenceProblem.Modern[$"schedulefree/{name}/y"], ReferenceProblem.Modern[$"schedulefree/{name}/x"]);
        for (var t = 0; t < 20; t++)
        {
            problem.SetGradients(t);
            optimizer.Step();
            Same(y, t, problem.Flat());
            optimizer.Eval();
            Same(x, t, problem.Flat());
            Assert.Throws<InvalidOperationException>(() => optimizer.Step());
            optimizer.Train();
        }

        static void Same(double[] expected, int t, double[] got)
        {
            for (var i = 0; i < 36; i++) Assert.Equal(expected[(t * 36) + i], got[i], 1e-10 * Math.Max(1, Math.Abs(got[i])));
        }
    }

    [Theory]
    [InlineData("jordan_nesterovTrue_wd0.0", true, 0.0)]
    [InlineData("jordan_nesterovTrue_wd0.1", true, 0.1)]
    [InlineData("jordan_nesterovFalse_wd0.0", false, 0.0)]
    [InlineData("jordan_nesterovFalse_wd0.1", false, 0.1)]
    [InlineData("moonlight_rms_wd0.1", true, 0.1)]
    public void MuonAgrees(string name, bool nesterov, double decay)
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        using var optimizer = new Optimizer([new ParameterGroupSpec("matrix", [problem.Named[0]])], new MuonRule
        {
            WeightDecay = decay,
            Nesterov = nesterov,
            Scaling = name.StartsWith("moon", StringComparison.Ordinal) ? MuonScaling.MatchAdamW : MuonScaling.Spectral,
        });
        var expected = ReferenceProblem.Modern["muon/" + name];
        for (var t = 0; t < 20; t++)
        {
            problem.SetGradients(t);
            optimizer.Step();
            var got = problem.Flat();
            for (var i = 0; i < 20; i++) Assert.Equal(expected[(t * 20) + i], got[i], 1e-9);
        }
    }

    [Theory]
    [InlineData("normuon")]
    [InlineData("adamuon")]
    public void TheMuonFamilyAgreesWithItsDefinitions(string name)
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        var rule = OptimizerCatalog.Create(name) with { LearningRate = Rate, WeightDecay = Decay };
        using var optimizer = new Optimizer([new ParameterGroupSpec("matrix", [problem.Named[0]])], rule);
        using var file = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Repository.Reference("optim/muon_family.json")));
        var expected = file.RootElement.GetProperty(name).EnumerateArray().Select(e => e.GetDouble()).ToArray();
        for (var t = 0; t < 20; t++)
        {
            problem.SetGradients(t);
            optimizer.Step();
            var got = problem.Flat();
            for (var i = 0; i < 20; i++) Assert.Equal(expected[(t * 20) + i], got[i], 1e-9);
        }
    }

    [Fact]
    public void NewtonSchulzAgreesAndIsNearlyOrthogonal()
    {
        foreach (var (name, shape) in new[] { ("", new long[] { 6, 10 }), ("_tall", [10, 3]) })
        {
            using var scope = NewDisposeScope();
            var x = tensor(ReferenceProblem.Modern["muon/ns_in" + name]).reshape(shape);
            var y = NewtonSchulz.Orthogonalize(x);
            var expected = ReferenceProblem.Modern["muon/ns_out" + name];
            var got = y.reshape(-1).data<double>().ToArray();
            for (var i = 0; i < got.Length; i++) Assert.Equal(expected[i], got[i], 1e-12);
            var singular = linalg.svdvals(y).data<double>().ToArray();
            Assert.All(singular, s => Assert.InRange(s, 0.5, 1.5));
        }
    }

    [Fact]
    public void LookaheadAgrees()
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        using var inner = new Optimizer(problem.OneGroup, new SgdRule { LearningRate = 0.05, Momentum = 0.9 });
        using var lookahead = new Lookahead(inner);
        var expected = ReferenceProblem.Modern["lookahead_sgd_k5_a.5"];
        for (var t = 0; t < 20; t++)
        {
            problem.SetGradients(t);
            lookahead.Step();
            var got = problem.Flat();
            for (var i = 0; i < 36; i++) Assert.Equal(expected[(t * 36) + i], got[i], 1e-12 * Math.Max(1, Math.Abs(got[i])));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SharpnessAwareAgrees(bool adaptive)
    {
        using var logistic = new LogisticRegression(0.1);
        using var inner = new Optimizer(logistic.Groups, new SgdRule { LearningRate = 0.3, Momentum = 0.9 });
        var optimizer = new SharpnessAware(inner, 0.1, adaptive);
        var expected = ReferenceProblem.Modern[$"sam_adaptive{adaptive}"];
        for (var t = 0; t < 20; t++)
        {
            optimizer.Step(() => logistic.Backward(0));
            var got = logistic.Weights;
            for (var i = 0; i < 6; i++) Assert.Equal(expected[(t * 6) + i], got[i], 1e-11);
        }
    }

    [Fact]
    public void AdaptiveGradientClippingAgrees()
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        problem.SetGradients(0);
        AdaptiveGradientClipping.Clip(problem.Parameters, 0.05);
        using var scope = NewDisposeScope();
        for (var i = 0; i < 3; i++)
        {
            var got = problem.Parameters[i].grad!.reshape(-1).data<double>().ToArray();
            var expected = ReferenceProblem.Modern[$"agc.05/g{i}"];
            for (var k = 0; k < got.Length; k++) Assert.Equal(expected[k], got[k], 1e-12);
        }
    }

    [Theory]
    [InlineData("lbfgs_rosen_nols")]
    [InlineData("lbfgs_rosen_wolfe")]
    [InlineData("lbfgs_logreg_nols")]
    [InlineData("lbfgs_logreg_wolfe")]
    public void LbfgsAgrees(string name)
    {
        var wolfe = name.EndsWith("wolfe", StringComparison.Ordinal);
        var rosen = name.Contains("rosen", StringComparison.Ordinal);
        var options = new LbfgsRule
        {
            LearningRate = rosen && !wolfe ? 0.01 : 1,
            MaxIterations = rosen ? 4 : 3,
            HistorySize = rosen ? 100 : 5,
            StrongWolfe = wolfe,
        };
        var (x, losses, evaluations) = (ReferenceProblem.Torch[name + "/x"], ReferenceProblem.Torch[name + "/loss_before"],
            ReferenceProblem.Torch[name + "/evals"]);
        using var start = rosen ? new Parameter(tensor(new[] { -1.5, 1.2 })) : null;
        using var logistic = new LogisticRegression(0);
        IReadOnlyList<ParameterGroupSpec> groups = rosen ? [new ParameterGroupSpec("x", [new NamedParameter("x", start!)])]
            : logistic.Groups;
        using var optimizer = new Optimizer(groups, options);
        var n = rosen ? 2 : 6;
        var before = 0L;
        for (var t = 0; t < losses.Length; t++)
        {
            var loss = optimizer.Step(() => rosen ? Rosenbrock(start!) : logistic.Backward(0.01)).Loss;
            Assert.Equal(losses[t], loss, 1e-9 * Math.Max(1, Math.Abs(losses[t])));
            var got = rosen ? start!.data<double>().ToArray() : logistic.Weights;
            for (var i = 0; i < n; i++) Assert.Equal(x[(t * n) + i], got[i], 1e-9);
            Assert.True(evaluations[t] == (long)optimizer.Numbers["evaluations"]
                || evaluations[t] == (long)optimizer.Numbers["evaluations"] - before,
                $"step {t}: {(long)optimizer.Numbers["evaluations"]} evaluations, expected {evaluations[t]}");
            before = (long)optimizer.Numbers["evaluations"];
        }
        if (start is not null) start.grad = null;
    }

    private static double Rosenbrock(Parameter p)
    {
        p.grad = null;
        using var scope = NewDisposeScope();
        var loss = (1 - p[0]).pow(2) + (100 * (p[1] - p[0].pow(2)).pow(2));
        loss.backward();
        return loss.ToDouble();
    }

    private sealed class LogisticRegression : IDisposable
    {
        private readonly Tensor _x, _y;
        private readonly Parameter _w;

        public LogisticRegression(double start)
        {
            using var scope = NewDisposeScope();
            _x = tensor(ReferenceProblem.Torch["logreg/X"]).reshape(40, 6).DetachFromDisposeScope();
            _y = tensor(ReferenceProblem.Torch["logreg/y"]).DetachFromDisposeScope();
            _w = new Parameter(full([6], start, dtype: ScalarType.Float64));
            _w.DetachFromDisposeScope();
        }

        public IReadOnlyList<ParameterGroupSpec> Groups => [new ParameterGroupSpec("w", [new NamedParameter("w", _w)])];

        public double[] Weights
        {
            get
            {
                using var detached = _w.detach();
                return detached.data<double>().ToArray();
            }
        }

        public double Backward(double l2)
        {
            _w.grad = null;
            using var scope = NewDisposeScope();
            var loss = nn.functional.binary_cross_entropy_with_logits(_x.matmul(_w), _y) + (l2 * _w.square().sum());
            loss.backward();
            return loss.ToDouble();
        }

        public void Dispose()
        {
            _w.grad = null;
            _x.Dispose();
            _y.Dispose();
            _w.Dispose();
        }
    }
}
