using System.Text.Json;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Trajectories of PyTorch 2.6 over its option grid, with the fused kernels and with tensor operations.</summary>
[LeakFree]
public sealed class TorchReferenceTests
{
    public static TheoryData<string> Names
    {
        get
        {
            var data = new TheoryData<string>();
            foreach (var entry in JsonDocument.Parse(ReferenceProblem.Torch.Metadata["cfg"]).RootElement.EnumerateObject())
            {
                if (entry.Value.TryGetProperty("defaults", out _)
                    && TorchOptimizers.Names.Contains(entry.Value.GetProperty("class").GetString())) data.Add(entry.Name);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TrajectoryAgrees(string name)
    {
        var config = ReferenceProblem.Config(ReferenceProblem.Torch, name);
        foreach (var fused in new[] { true, false })
        {
            Check(ScalarType.Float64, "/f64", 1e-12);
            Check(ScalarType.Float32, "/f32", 5e-7);

            void Check(ScalarType type, string suffix, double tolerance)
            {
                // PyTorch keeps NAdam's product of mu and ASGD's eta in float32 whatever the parameters are: noise of the reference, not of
                // the formula.
                if (type == ScalarType.Float64 && name.StartsWith("nadam", StringComparison.Ordinal)) tolerance = 1e-9;
                if (type == ScalarType.Float64 && name.StartsWith("asgd", StringComparison.Ordinal)) tolerance = 2e-7;
                using var problem = new ReferenceProblem(type);
                using var optimizer = TorchOptimizers.Create(config.GetProperty("class").GetString()!, config.GetProperty("defaults"),
                    problem.OneGroup, fused);
                var (error, where) = problem.Compare(optimizer, ReferenceProblem.Torch[name + suffix]);
                Assert.True(error <= tolerance, $"{name} {type} fused {fused}: {error:E2} at {where}");
            }
        }
    }

    [Fact]
    public void FinalMomentsAgree()
    {
        foreach (var name in new[] { "adam_wd", "adamw_amsgrad_wd" })
        {
            var config = ReferenceProblem.Config(ReferenceProblem.Torch, name);
            using var problem = new ReferenceProblem(ScalarType.Float64);
            using var optimizer = TorchOptimizers.Create(config.GetProperty("class").GetString()!, config.GetProperty("defaults"),
                problem.OneGroup, true);
            problem.Compare(optimizer, ReferenceProblem.Torch[name + "/f64"]);
            foreach (var slot in new[] { "exp_avg", "exp_avg_sq" })
            {
                var expected = ReferenceProblem.Torch[$"{name}/state_{slot}_final_f64"];
                using var scope = NewDisposeScope();
                var got = cat([.. problem.Named.Select(p => optimizer.StateOf(p.Name)![slot].reshape(-1))]).data<double>().ToArray();
                for (var i = 0; i < 36; i++) Assert.Equal(expected[i], got[i], 1e-12 * Math.Max(1, Math.Abs(expected[i])));
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void GroupsAndSkippedGradients(bool fused)
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        var named = problem.Named;
        using var optimizer = new Optimizer([new ParameterGroupSpec("decay", [named[0], named[2]], 0.02, 0.1),
            new ParameterGroupSpec("no decay", [named[1]], 0.05, 0)], new AdamWRule())
        { UseFusedKernels = fused };
        var (error, where) = problem.Compare(optimizer, ReferenceProblem.Torch["adamw_groups_skipgrad/f64"],
            before: t => problem.SetGradients(t, i => i == 2 && t % 2 == 1));
        Assert.True(error <= 1e-12, where);
        Assert.Equal(10, optimizer.StateOf("p2")!.Step);
    }

    [Theory]
    [InlineData("adamw_clipnorm1", 1.0, true)]
    [InlineData("adamw_clipnorm2", 2.0, true)]
    [InlineData("adamw_clipnorminf", double.PositiveInfinity, true)]
    [InlineData("adamw_clipnorm1", 1.0, false)]
    [InlineData("adamw_clipnorm2", 2.0, false)]
    [InlineData("adamw_clipnorminf", double.PositiveInfinity, false)]
    public void ClippingInsideTheStepAndBeforeIt(string name, double p, bool inside)
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        using var optimizer = new Optimizer(problem.OneGroup, new AdamWRule { LearningRate = 0.02 });
        var norms = ReferenceProblem.Torch[name + "/norms"];
        var expected = ReferenceProblem.Torch[name + "/f64"];
        for (var t = 0; t < 20; t++)
        {
            problem.SetGradients(t);
            var norm = inside
                ? optimizer.Step(GradientClipping.Norm(1, p)).GradientNorm
                : GradientClipping.ClipNorm(problem.Parameters, 1, p);
            if (!inside) optimizer.Step();
            Assert.Equal(norms[t], norm, 1e-12 * norms[t]);
            var got = problem.Flat();
            for (var i = 0; i < 36; i++) Assert.Equal(expected[(t * 36) + i], got[i], 1e-12 * Math.Max(1, Math.Abs(got[i])));
        }
    }

    [Fact]
    public void AccumulatedGradientsWithAScale()
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        using var optimizer = new Optimizer(problem.OneGroup, new AdamWRule { LearningRate = 0.02 });
        var expected = ReferenceProblem.Torch["adamw_accum4/f64"];
        for (var t = 0; t < 5; t++)
        {
            using (no_grad())
            {
                using var scope = NewDisposeScope();
                problem.SetGradients(4 * t);
                var sums = problem.Parameters.Select(p => p.grad!.clone()).ToArray();
                for (var m = 1; m < 4; m++)
                {
                    problem.SetGradients((4 * t) + m);
                    for (var i = 0; i < 3; i++) sums[i].add_(problem.Parameters[i].grad!);
                }
                for (var i = 0; i < 3; i++) problem.Parameters[i].grad = sums[i];
            }
            optimizer.Step(gradientScale: 0.25);
            var got = problem.Flat();
            for (var i = 0; i < 36; i++) Assert.Equal(expected[(t * 36) + i], got[i], 1e-12);
        }
    }

    [Theory]
    [InlineData("avg_swa", true)]
    [InlineData("avg_ema0.9", true)]
    [InlineData("avg_ema_warmup", true)]
    [InlineData("avg_ema0.9_debiased", true)]
    [InlineData("avg_swa", false)]
    [InlineData("avg_ema0.9", false)]
    [InlineData("avg_ema_warmup", false)]
    [InlineData("avg_ema0.9_debiased", false)]
    public void WeightAverages(string name, bool inStep)
    {
        using var problem = new ReferenceProblem(ScalarType.Float64);
        using var optimizer = new Optimizer(problem.OneGroup, new SgdRule { LearningRate = 0.1 });
        using var average = new WeightAverage(problem.Named, name switch
        {
            "avg_swa" => WeightAverageOptions.Swa,
            "avg_ema0.9" => WeightAverageOptions.Ema(0.9),
            "avg_ema_warmup" => new WeightAverageOptions { Decay = 0.999, WarmUp = true },
            _ => new WeightAverageOptions { Decay = 0.9, Debias = true },
        });
        var expected = ReferenceProblem.Torch[name + "/f64"];
        for (var t = 0; t < 20; t++)
        {
            problem.SetGradients(t);
            optimizer.Step(average: inStep ? average : null);
            if (!inStep) average.Update();
            average.Apply();
            var got = problem.Flat();
            average.Restore();
            for (var i = 0; i < 36; i++) Assert.Equal(expected[(t * 36) + i], got[i], 1e-12 * Math.Max(1, Math.Abs(got[i])));
        }
    }
}
