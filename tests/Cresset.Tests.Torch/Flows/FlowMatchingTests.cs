using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class FlowMatchingTests
{
    private static ProbabilityPath Path(string name) => name switch
    {
        "condot" => ProbabilityPath.CondOt,
        "cosine" => ProbabilityPath.Cosine,
        "vp" => new VariancePreservingPath(),
        "linearvp" => ProbabilityPath.LinearVariancePreserving,
        "poly3" => new PolynomialPath(3),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    [Theory]
    [InlineData("condot")]
    [InlineData("cosine")]
    [InlineData("vp")]
    [InlineData("linearvp")]
    [InlineData("poly3")]
    public void PathsEqualTheReference(string name)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("flow_matching");
        Tensor t = file.Read("t"), x0 = file.Read("x0"), x1 = file.Read("x1");
        var path = Path(name);
        Tensor Expected(string part) => file.Read($"{name}.{part}");
        FlowGoldens.Close(Expected("alpha"), path.Alpha(t), 1e-12, "alpha");
        FlowGoldens.Close(Expected("sigma"), path.Sigma(t), 1e-12, "sigma");
        FlowGoldens.Close(Expected("d_alpha"), path.AlphaRate(t), 1e-12, "alpha rate");
        FlowGoldens.Close(Expected("d_sigma"), path.SigmaRate(t), 1e-10, "sigma rate");
        FlowGoldens.Close(Expected("snr_inverse_of_snr"), path.TimeOfRatio(path.Alpha(t) / path.Sigma(t)), 1e-9, "time of ratio");
        Tensor state = path.Interpolate(x0, x1, t), velocity = path.Velocity(x0, x1, t);
        FlowGoldens.Close(Expected("xt"), state, 1e-12, "state");
        FlowGoldens.Close(Expected("ut"), velocity, 1e-10, "velocity");
        // The reference evaluates its conversions at the path's own point with the true end points.
        FlowGoldens.Close(velocity, path.VelocityFromData(x1, state, t), 1e-9, "velocity from data");
        FlowGoldens.Close(velocity, path.VelocityFromSource(x0, state, t), 1e-9, "velocity from source");
        FlowGoldens.Close(x1, path.DataFromVelocity(velocity, state, t), 1e-9, "data from velocity");
        FlowGoldens.Close(x0, path.SourceFromVelocity(velocity, state, t), 1e-9, "source from velocity");
        FlowGoldens.Close(x0, path.SourceFromData(x1, state, t), 1e-9, "source from data");
        FlowGoldens.Close(x1, path.DataFromSource(x0, state, t), 1e-9, "data from source");
        FlowGoldens.Close(Expected("target_to_velocity"), path.VelocityFromData(x1, state, t), 1e-9, "golden target to velocity");
        FlowGoldens.Close(Expected("epsilon_to_velocity"), path.VelocityFromSource(x0, state, t), 1e-9, "golden epsilon to velocity");
        FlowGoldens.Close(Expected("velocity_to_target"), path.DataFromVelocity(velocity, state, t), 1e-9, "golden velocity to target");
        FlowGoldens.Close(Expected("velocity_to_epsilon"), path.SourceFromVelocity(velocity, state, t), 1e-9, "golden velocity to epsilon");
    }

    [Theory]
    [InlineData("vp")]
    [InlineData("cosine")]
    public void AModelOfTheStraightPathRunsOnAnother(string name)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("flow_matching");
        var w = file.Read("sched_change.W");
        var x = file.Read("x0");
        Func<Tensor, Tensor, Tensor> model = (state, time) => state.matmul(w).tanh() * (1 + time.unsqueeze(1));
        var changed = ScheduleChange.Convert(model, ProbabilityPath.CondOt, Path(name));
        foreach (var t in new[] { 0.4, 0.8 })
        {
            FlowGoldens.Close(file.Read($"sched_change.{name}.v_at_{t}"), changed(x, full([x.size(0)], t, dtype: ScalarType.Float64)), 1e-9,
                $"{name} {t}");
        }
    }

    [Fact]
    public void TimestepDensitiesAreDistributionsAndTheirSamplesFollowThem()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        foreach (var density in new[] { TimestepDensity.Uniform, TimestepDensity.LogitNormal, new LogitNormalDensity(0.5, 0.6),
            TimestepDensity.CosMap, new ModeDensity(1.29), new ModeDensity(-0.8) })
        {
            var grid = (arange(4000, dtype: ScalarType.Float64) + 0.5) / 4000;
            var values = density.Density(grid);
            Assert.Equal(1, values.mean().ToDouble(), 3);
            var t = density.Sample(40_000, generator).to(ScalarType.Float64);
            Assert.True(t.ge(0).all().ToBoolean() && t.le(1).all().ToBoolean());
            // Kolmogorov-Smirnov at level 1e-4.
            var cdf = values.cumsum(0) / 4000;
            var empirical = searchsorted(t.sort().Values, grid).to(ScalarType.Float64) / 40_000;
            Assert.InRange((cdf - empirical).abs().max().ToDouble(), 0, 2.23 / 200 + 1e-3);
        }
    }

    [Fact]
    [LeakFree]
    public void TheBatchOfATrainingStep()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor x0 = randn(8, 2, 3, generator: generator), x1 = randn(8, 2, 3, generator: generator);
        using var batch = FlowMatching.Draw(x0, x1, density: TimestepDensity.LogitNormal, generator: generator);
        FlowGoldens.Close(x0 + batch.Velocity * batch.Time.reshape(8, 1, 1), batch.State, 1e-6);
        Assert.Equal(0, FlowMatching.Loss(batch.Velocity, batch.Velocity).ToSingle());
        using var again = FlowMatching.Draw(x0, x1, density: TimestepDensity.LogitNormal, generator: new Generator(2));
        using var same = FlowMatching.Draw(x0, x1, density: TimestepDensity.LogitNormal, generator: new Generator(2));
        FlowGoldens.Close(again.State, same.State, 0);
        Assert.Throws<ShapeException>(() => FlowMatching.Draw(x0, x1.narrow(0, 0, 4)));
        Assert.Throws<ShapeException>(() => FlowMatching.At(x0, x1, ones(3)));
    }

    [Fact]
    public void SamplersFollowTheField()
    {
        using var scope = NewDisposeScope();
        VelocityField field = (t, x) => x * -1 + t;
        var x = randn(5, 3, dtype: ScalarType.Float64);
        var (exact, statistics) = FlowSampler.Sample(field, x, OdeOptions.Dopri5(1e-10));
        Assert.True(statistics.Accepted > 0);
        FlowGoldens.Close((x + 1) * Math.Exp(-1), exact, 1e-8);
        FlowGoldens.Close(x, FlowSampler.Encode(field, exact, OdeOptions.Dopri5(1e-10)).Source, 1e-8);
        FlowGoldens.Close(exact, FlowSampler.Sample(field, x, FlowSampler.Grid(400, shift: 3), OdeMethod.Heun), 1e-4);
        var times = new List<double>();
        FlowSampler.Sample((t, y) => { times.Add(t); return y; }, x).Samples.Dispose();
        Assert.All(times, t => Assert.InRange(t, 0, 1));
        var grid = FlowSampler.Grid(4, 3);
        Assert.Equal([0, 0.1, 0.25, 0.5, 1], grid.Select(v => Math.Round(v, 12)));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => FlowSampler.Sample(field, x, grid, cancellation: cancelled.Token));
        Assert.Throws<ArgumentException>(() => FlowSampler.Sample(field, x, grid, OdeMethod.Dopri5));
    }

    [Fact]
    public void GuidanceExtrapolatesFromTheUnconditionalField()
    {
        using var scope = NewDisposeScope();
        var model = new LabelModel();
        var context = ones(4, 1);
        var field = model.Guided(context, zeros(4, 1), 3);
        FlowGoldens.Close(full([4, 2], 3.0), field(0.5, zeros(4, 2)), 0);
        FlowGoldens.Close(full([4, 2], 1.0), model.Guided(context, zeros(4, 1), 1)(0.5, zeros(4, 2)), 0);
    }

    private sealed class LabelModel : IVelocityModel
    {
        public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) => zeros_like(state) + context!;
    }
}
