using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class ContinuousFlowTests
{
    private static MlpVelocity Field(SafetensorsFile file)
    {
        var field = new MlpVelocity(new MlpVelocityOptions { Hidden = [24, 24], Activation = "tanh" });
        field.to(ScalarType.Float64);
        StateDict.Load(field,
            file.Entries.Keys.Where(k => k.StartsWith("w.", StringComparison.Ordinal)).ToDictionary(k => k[2..], file.Read));
        return field;
    }

    [Fact]
    public void VelocityAndDivergenceEqualTheReference()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("cnf");
        var field = Field(file);
        var x = file.Read("x");
        var time = full(12, 0.3, dtype: ScalarType.Float64);
        var (v, divergence) = field.VelocityAndDivergence(x, time);
        FlowGoldens.Close(file.Read("field.t0.3.v"), v, 1e-12);
        FlowGoldens.Close(file.Read("field.t0.3.v"), field.Velocity(x, time), 1e-12);
        FlowGoldens.Close(file.Read("field.t0.3.div"), divergence, 1e-12);
        var (_, general, squared) = Divergence.Exact.Begin(x).Measure(field, 0.3, x, null, jacobian: true);
        FlowGoldens.Close(file.Read("field.t0.3.div"), general, 1e-12);
        FlowGoldens.Close(file.Read("field.t0.3.frob2"), squared!, 1e-12);
        var (_, estimate, _) = Divergence.Fixed(file.Read("rademacher")).Begin(x).Measure(field, 0.3, x, null, jacobian: false);
        FlowGoldens.Close(file.Read("field.t0.3.hutch"), estimate, 1e-12);
    }

    [Theory]
    [InlineData("euler", OdeMethod.Euler)]
    [InlineData("midpoint", OdeMethod.Midpoint)]
    [InlineData("heun2", OdeMethod.Heun)]
    [InlineData("rk4_38", OdeMethod.Rk4ThreeEighths)]
    public void FixedStepsEqualTheReference(string name, OdeMethod method)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("cnf");
        var field = Field(file);
        var flow = new ContinuousFlow(field, new NormalBase(2), new CnfOptions { Solver = OdeOptions.Fixed(method, 8) });
        flow.to(ScalarType.Float64);
        var found = flow.Likelihood(file.Read("x"));
        FlowGoldens.Close(file.Read($"{name}_h0.125.z"), found.Latent, 1e-10);
        FlowGoldens.Close(file.Read($"{name}_h0.125.log_prob"), found.LogProb, 1e-10);
        (-found.LogProb.mean()).backward();
        var parameters = flow.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (var key in new[] { "l1.weight", "l2.weight" })
            FlowGoldens.Close(file.Read($"{name}_h0.125.grad.{key}"), parameters[$"field.{key}"].grad!, 1e-10, key);
    }

    [Theory]
    [InlineData(OdeGradient.Direct)]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void DormandPrinceLikelihoodAndGradientsEqualTheReference(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("cnf");
        var options = new CnfOptions
        {
            Solver = OdeOptions.Dopri5(1e-9),
            Gradient = gradient,
            KineticWeight = gradient == OdeGradient.Direct ? 1 : 0
        };
        var flow = new ContinuousFlow(Field(file), new NormalBase(2), options);
        flow.to(ScalarType.Float64);
        var x = file.Read("x");
        var found = flow.Likelihood(x);
        FlowGoldens.Close(file.Read("dopri5.z"), found.Latent, 1e-7);
        FlowGoldens.Close(file.Read("dopri5.log_prob"), found.LogProb, 1e-7);
        // The reference integrates from 1 to 0: its sign is turned.
        if (found.Kinetic is not null) FlowGoldens.Close(file.Read("dopri5.kinetic_1to0").abs(), found.Kinetic, 1e-7);
        (-found.LogProb.mean()).backward();
        foreach (var (key, parameter) in flow.named_parameters())
            FlowGoldens.Close(file.Read($"dopri5.grad.{key[6..]}"), parameter.grad!, 1e-6, key);
        flow.Divergence = Divergence.Fixed(file.Read("rademacher"));
        FlowGoldens.Close(file.Read("hutch_dopri5.log_prob"), flow.LogProb(x), 1e-7);
        FlowGoldens.Close(x, flow.Decode(flow.Encode(x)), 1e-7);
    }

    [Theory]
    [InlineData(0.001, "0.001")]
    [InlineData(1e-5, "1e-05")]
    public void LooseTolerancesTakeAsManyEvaluations(double tolerance, string name)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("cnf");
        var flow = new ContinuousFlow(Field(file), new NormalBase(2), new CnfOptions { Solver = OdeOptions.Dopri5(tolerance) });
        flow.to(ScalarType.Float64);
        using var noGrad = no_grad();
        var log = flow.LogProb(file.Read("x"));
        // The reference takes the larger norm of the two parts of its state, this one norm over both.
        FlowGoldens.Close(file.Read($"dopri5_rtol{name}.log_prob"), log, tolerance * 300);
        Assert.InRange(flow.LastStatistics.Evaluations, file.Read($"dopri5_rtol{name}.nfe").ToDouble() * 0.7,
            file.Read($"dopri5_rtol{name}.nfe").ToDouble() * 1.01);
    }

    [Fact]
    public void TrajectoriesEqualTheReference()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("cnf");
        using var path = FlowSampler.Trajectory(Field(file).Field(), file.Read("gen.z0"), [0, 0.25, 0.5, 1], OdeOptions.Dopri5(1e-10));
        FlowGoldens.Close(file.Read("gen.traj_t0_.25_.5_1"), path.States, 1e-8);
    }

    /// <summary>
    /// Regularisers add to the loss and their gradients reach the field; the exact and the noisy Jacobian norm agree on average.
    /// </summary>
    [Fact]
    public void RegularisersAreIntegrals()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("cnf");
        var flow = new ContinuousFlow(Field(file), new NormalBase(2),
            new CnfOptions { Solver = OdeOptions.Fixed(OdeMethod.Rk4, 10), KineticWeight = 0.1, JacobianWeight = 0.2 });
        flow.to(ScalarType.Float64);
        var x = file.Read("x");
        var found = flow.Likelihood(x);
        Assert.Equal((-found.LogProb.mean() + 0.1 * found.Kinetic!.mean() + 0.2 * found.SquaredJacobian!.mean()).ToDouble(),
            flow.RegularizedLoss(x).ToDouble(), 10);
        Assert.True(found.SquaredJacobian!.gt(0).all().ToBoolean());
        flow.RegularizedLoss(x).backward();
        Assert.All(flow.parameters(), p => Assert.True(p.grad!.abs().sum().ToDouble() > 0));
        using var generator = new Generator(4);
        flow.Divergence = Divergence.Rademacher(generator);
        var mean = 0.0;
        using var noGrad = no_grad();
        for (var i = 0; i < 200; i++) mean += flow.Likelihood(x).SquaredJacobian!.mean().ToDouble() / 200;
        Assert.InRange(mean / found.SquaredJacobian!.mean().ToDouble(), 0.9, 1.1);
    }
}
