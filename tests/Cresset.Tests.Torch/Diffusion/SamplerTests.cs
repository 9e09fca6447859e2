using System.Text.Json;
using Cresset.Diffusion;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class SamplerTests
{
    private static readonly JsonElement Json = Reference.Json("scheduler.json");

    private static double[] Numbers(JsonElement element) => [.. element.EnumerateArray().Select(x => x.GetDouble())];

    private static void Same(JsonElement expected, IEnumerable<float> actual, string what)
    {
        var (e, a) = (Numbers(expected), actual.ToArray());
        Assert.Equal(e.Length, a.Length);
        for (var i = 0; i < e.Length; i++)
            Assert.True(Math.Abs(e[i] - a[i]) <= (1e-6 * Math.Abs(e[i])) + 1e-9, $"{what}[{i}]: {a[i]:r} instead of {e[i]:r}");
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(1, 8)]
    [InlineData(1, 28)]
    [InlineData(1, 50)]
    [InlineData(3, 4)]
    [InlineData(3, 8)]
    [InlineData(3, 28)]
    [InlineData(3, 50)]
    public void FlowTablesEqualTheReference(int shift, int steps)
    {
        var expected = Json.GetProperty($"euler.shift{shift}.0.n{steps}");
        var table = NoiseTable.FlowMatch(new ScheduleOptions { Shift = shift }, steps);
        Same(expected.GetProperty("sigmas"), table.Sigmas, "sigma");
        Same(expected.GetProperty("timesteps"), table.Times, "time");
        if (steps == 28) Same(Json.GetProperty($"reference_impl.shift{shift}.0.n28"), table.Sigmas, "Stability sigma");
    }

    [Fact]
    public void SpecialTablesEqualTheReference()
    {
        foreach (var mu in new[] { "0.5", "0.8", "1.15" })
        {
            Same(Json.GetProperty($"euler.dynamic_exp.mu{mu}.n8"),
                NoiseTable.FlowMatch(new ScheduleOptions { Dynamic = DynamicShift.Exponential }, 8, double.Parse(mu)).Sigmas, "exp " + mu);
        }
        Same(Json.GetProperty("euler.dynamic_linear.mu3.n8"),
            NoiseTable.FlowMatch(new ScheduleOptions { Dynamic = DynamicShift.Linear }, 8, 3).Sigmas, "linear");
        foreach (var entry in Json.GetProperty("dynamic_mu_from_seq_len(base .5,max 1.15,256..4096)").EnumerateObject())
        {
            Assert.Equal(entry.Value.GetDouble(), new ScheduleOptions().Mu(long.Parse(entry.Name)), 12);
        }
        Same(Json.GetProperty("euler.shift3.terminal0.1.n8"), NoiseTable.FlowMatch(new ScheduleOptions { Terminal = 0.1 }, 8).Sigmas,
            "terminal");
        Same(Json.GetProperty("euler.shift3.karras.n8"),
            NoiseTable.FlowMatch(new ScheduleOptions { Spacing = NoiseSpacing.Karras }, 8).Sigmas, "karras");
        Same(Json.GetProperty("euler.shift3.exponential.n8"),
            NoiseTable.FlowMatch(new ScheduleOptions { Spacing = NoiseSpacing.Exponential }, 8).Sigmas, "exponential");
        Same(Json.GetProperty("euler.shift3.beta.n8"), NoiseTable.FlowMatch(new ScheduleOptions { Spacing = NoiseSpacing.Beta }, 8).Sigmas,
            "beta");
        var custom = NoiseTable.Custom(new ScheduleOptions(), [1, 0.75, 0.5, 0.25]);
        Same(Json.GetProperty("euler.shift3.custom_sigmas[1,.75,.5,.25]").GetProperty("sigmas"), custom.Sigmas, "custom");
        Same(Json.GetProperty("euler.shift3.custom_sigmas[1,.75,.5,.25]").GetProperty("timesteps"), custom.Times, "custom times");
        foreach (var shift in new[] { 1, 3 })
        {
            var all = NoiseTable.Training(new ScheduleOptions { Shift = shift });
            int[] at = [0, 1, 2, 499, 500, 997, 998, 999];
            Same(Json.GetProperty($"train_grid.shift{shift}.0").GetProperty("timesteps[0,1,2,499,500,997,998,999]"), at.Select(i => all[i]),
                "training");
        }
        Assert.Equal(0.001f, NoiseTable.FlowMatch(new ScheduleOptions { Shift = 1, ShiftOnce = true }, 8).Sigmas[7], 6);
        Assert.Equal(0.002994f, NoiseTable.FlowMatch(new ScheduleOptions { ShiftOnce = true }, 8).Sigmas[7], 6);
    }

    [Fact]
    public void ImageToImageStartsAsTheReference()
    {
        foreach (var entry in Json.GetProperty("img2img.start_index").EnumerateArray())
        {
            Assert.Equal(entry.GetProperty("t_start").GetInt32(),
                NoiseTable.StartStep(entry.GetProperty("steps").GetInt32(), entry.GetProperty("strength").GetDouble()));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => NoiseTable.StartStep(8, 1.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => NoiseTable.FlowMatch(new ScheduleOptions(), 0));
    }

    public static TheoryData<string, string, int, SolverVariant> Trajectories => new()
    {
        { "traj.euler", "euler", 1, SolverVariant.Standard },
        { "traj.heun", "heun", 1, SolverVariant.Standard },
        { "traj.dpmpp1.midpoint", "dpm++2m", 1, SolverVariant.Standard },
        { "traj.dpmpp2m.midpoint", "dpm++2m", 2, SolverVariant.Standard },
        { "traj.dpmpp2m.heun", "dpm++2m", 2, SolverVariant.Alternative },
        { "traj.dpmpp3m.midpoint", "dpm++2m", 3, SolverVariant.Standard },
        { "traj.unipc1.bh2", "unipc", 1, SolverVariant.Standard },
        { "traj.unipc2.bh2", "unipc", 2, SolverVariant.Standard },
        { "traj.unipc3.bh2", "unipc", 3, SolverVariant.Standard },
        { "traj.reference_impl.dpmpp_2m", "dpm++2m-stability", 2, SolverVariant.Standard },
        { "traj.reference_impl.euler", "euler", 1, SolverVariant.Standard },
    };

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void TrajectoriesEqualTheReference(string key, string kind, int order, SolverVariant variant)
    {
        using var scope = NewDisposeScope();
        var expected = Json.GetProperty(key);
        using var sampler = Sampler.Create(Named(kind, order, variant, flowTable: false), new ScheduleOptions(), 8);
        Same(expected.GetProperty("sigmas"), sampler.Table.Sigmas, "sigma");
        if (expected.TryGetProperty("timesteps", out var times)) Same(times, sampler.Table.Times, "time");
        var rows = expected.GetProperty("trajectory").EnumerateArray().Select(r => tensor(Numbers(r)).to(float32).view(1, 1, 1, 6))
            .ToArray();
        var x = rows[0];
        for (var i = 0; i < sampler.Table.Steps; i++)
        {
            x = sampler.Step(Field(x, sampler.Table.Times[i] / 1000), i, x);
            // The reference takes logarithms in single precision.
            Reference.Close(rows[i + 1], x, 3e-5, $"step {i}");
        }
    }

    [Fact]
    public void StochasticEulerEqualsTheReference()
    {
        using var scope = NewDisposeScope();
        using var sampler = Sampler.Create(new StochasticEulerSamplerOptions(), new ScheduleOptions(), 4);
        var rows = Json.GetProperty("traj.euler_stochastic.seed7.n4").EnumerateArray()
            .Select(r => tensor(Numbers(r)).to(float32).view(1, 1, 1, 6)).ToArray();
        var x = tensor(Numbers(Json.GetProperty("traj.euler").GetProperty("trajectory")[0])).to(float32).view(1, 1, 1, 6);
        var generator = new Generator(7);
        for (var i = 0; i < 4; i++)
        {
            x = sampler.Step(Field(x, sampler.Table.Times[i] / 1000), i, x, generator);
            Reference.Close(rows[i], x, 1e-5, $"step {i}");
        }
    }

    [Theory]
    [InlineData("euler", 1, 1)]
    [InlineData("heun", 1, 2)]
    [InlineData("dpm++2m", 2, 2)]
    [InlineData("dpm++2m", 3, 2)]
    [InlineData("unipc", 2, 2)]
    [InlineData("unipc", 3, 2)]
    public void MoreStepsComeCloserToTheExactSolution(string kind, int order, int expectedOrder)
    {
        using var scope = NewDisposeScope();
        var exact = tensor(Numbers(Json.GetProperty("exact_solution_at_sigma0_from_sigma1"))).to(float32);
        double Error(int steps)
        {
            using var sampler = Sampler.Create(Named(kind, order), new ScheduleOptions { Shift = 1 }, steps);
            var x = tensor(Numbers(Json.GetProperty("traj.euler").GetProperty("trajectory")[0])).to(float32).view(1, 1, 1, 6);
            for (var i = 0; i < sampler.Table.Steps; i++) x = sampler.Step(Field(x, sampler.Table.Sigmas[i]), i, x);
            return (x.view(6) - exact).abs().max().item<float>();
        }
        double coarse = Error(10), fine = Error(80);
        Assert.True(fine < coarse / Math.Pow(8, expectedOrder - 0.6) || fine < 2e-4, $"{coarse} falls to {fine} only");
    }

    [Fact]
    public void NoiseIsAddedAsTheReference()
    {
        using var scope = NewDisposeScope();
        var expected = Json.GetProperty("scale_noise.shift3.n28.begin11");
        using var sampler = Sampler.Create(new EulerSamplerOptions(), new ScheduleOptions(), 28);
        var noisy = sampler.AddNoise(tensor(Numbers(expected.GetProperty("sample"))).to(float32),
            tensor(Numbers(expected.GetProperty("noise"))).to(float32), 11);
        Reference.Close(tensor(Numbers(expected.GetProperty("out"))), noisy, 1e-6, "noisy");
    }

    [Fact]
    public void TrainingTimesEqualTheReference()
    {
        using var scope = NewDisposeScope();
        void Check(string key, TrainingTimes times) =>
            Reference.Close(tensor(Numbers(Json.GetProperty(key))), times.Draw(8, new Generator(42)), 1e-6, key);
        Check("sampled.logit_normal(0,1).seed42.n8", TrainingTimes.LogitNormal);
        Check("sampled.mode(1.29).seed42.n8", new TrainingTimes(TrainingTimeKind.Mode));
        Check("sampled.uniform.seed42.n8", TrainingTimes.Uniform);
        var weights = Json.GetProperty("loss_weighting");
        var sigmas = tensor(Numbers(weights.GetProperty("sigmas")));
        foreach (var (name, kind) in new[] { ("sigma_sqrt", LossWeighting.InverseSquare), ("cosmap", LossWeighting.CosMap),
            ("none", LossWeighting.None) })
        {
            Reference.Close(tensor(Numbers(weights.GetProperty(name))), RectifiedFlowLoss.Weights(sigmas, kind), 1e-4, name);
        }
        foreach (var s in new[] { "-1.0", "0.81", "1.29", "1.75" })
        {
            var u = Numbers(Json.GetProperty("density.mode").GetProperty("u"));
            Reference.Close(tensor(Numbers(Json.GetProperty("density.mode").GetProperty("s=" + s))),
                new TrainingTimes(TrainingTimeKind.Mode, ModeScale: double.Parse(s)).FromUniform(tensor(u)), 1e-12, s);
        }
        var map = Json.GetProperty("density.cosmap.quantile t=1-1/(tan(pi u/2)+1)");
        Reference.Close(tensor(Numbers(map.GetProperty("t"))),
            new TrainingTimes(TrainingTimeKind.CosMap).FromUniform(tensor(Numbers(map.GetProperty("u")))), 1e-12, "cosmap");
        Reference.Close(tensor(Numbers(Json.GetProperty("density.cosmap.pdf 2/(pi-2 pi t+2 pi t^2)").GetProperty("pdf"))),
            new TrainingTimes(TrainingTimeKind.CosMap).Density()
                .Density(tensor(Numbers(Json.GetProperty("density.cosmap.pdf 2/(pi-2 pi t+2 pi t^2)").GetProperty("t")))), 1e-9,
                "cosmap density");
        var normal = Json.GetProperty("density.logit_normal.pdf");
        foreach (var entry in normal.EnumerateObject().Where(e => e.Name != "t"))
        {
            var parts = entry.Name.Split(',', '=');
            var times = new TrainingTimes(Mean: double.Parse(parts[1]), Deviation: double.Parse(parts[3]));
            Reference.Close(tensor(Numbers(entry.Value)), times.Density().Density(tensor(Numbers(normal.GetProperty("t")))), 1e-9,
                entry.Name);
        }
    }

    private static Tensor Field(Tensor x, double sigma) => x.tanh().mul(0.5 + sigma).sub(x * 0.3);

    private static SamplerOptions Named(string kind, int order, SolverVariant variant = SolverVariant.Standard, bool flowTable = true)
    {
        var sampler = (SamplerOptions)Cresset.Recipes.BuiltInParts.Catalog.Get("sampler", kind).Create();
        return sampler is MultistepSamplerOptions multistep ? multistep with { Order = order, Variant = variant, UseFlowTable = flowTable }
            : sampler;
    }
}
