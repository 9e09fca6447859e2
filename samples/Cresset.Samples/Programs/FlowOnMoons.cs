using Cresset.Flows;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Programs;

/// <summary>Two half circles learnt by a spline flow: the density as a picture, new points, the way back to the normal.</summary>
internal static class FlowOnMoons
{
    public static void Run()
    {
        Seeding.Apply(2);
        using var outer = NewDisposeScope();
        using var flow = new NeuralSplineCouplingFlow(new VectorFlowOptions { Features = 2 });
        using var optimizer = new Optimizer(flow, new AdamRule { LearningRate = 2e-3 });
        for (var step = 0; step < 250; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGrad();
            var loss = flow.Loss(Moons(256));
            loss.backward();
            optimizer.Step();
            if (step % 50 == 0) Console.WriteLine($"step {step}: {loss.ToDouble():0.000} nats");
        }
        const int side = 80;
        using (no_grad())
        {
            var axis = linspace(-2.5, 2.5, side);
            var grid = meshgrid([axis, axis], "ij");
            var density = flow.LogProb(stack([grid[1].flatten(), grid[0].flatten()], 1)).exp();
            new Chart(new ChartOptions { Title = "Density" }).Surface<float>(density.data<float>().ToArray(), side, side,
                new PlotArea(-2.5, 2.5, -2.5, 2.5)).Save("density.png");
            var fresh = flow.Sample(500);
            Console.WriteLine($"500 new points around ({fresh.mean([0])[0].ToDouble():0.00}, {fresh.mean([0])[1].ToDouble():0.00})");
        }
    }

    private static Tensor Moons(int count)
    {
        var angle = rand(count) * Math.PI;
        var lower = rand(count).lt(0.5).to(ScalarType.Float32);
        var x = (angle.cos() * (1 - (2 * lower))) + lower - 0.5;
        var y = (angle.sin() * (1 - (2 * lower))) + (lower * 0.5) - 0.25;
        return (stack([x, y], 1) * 1.4) + (randn(count, 2) * 0.08);
    }
}
