using Cresset.Flows;
using Cresset.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/flows.md.</summary>
internal static class FlowSnippets
{
    public static void Density()
    {
        using var scope = NewDisposeScope();
        static Tensor NextBatch() => randn(64, 2) * 0.5;
        Tensor a = randn(1, 2), b = randn(1, 2);
        Train(a, b, NextBatch);
    }

    public static void Solving()
    {
        using var scope = NewDisposeScope();
        var start = ones(3);
        using var solution = Ode.Solve((t, y) => -y * t, start, [0, 0.5, 1], OdeOptions.Dopri5(1e-6));
        using var net = nn.Linear(3, 3);
        var parameters = net.parameters().ToList();
        Tensor field(double t, Tensor y) => net.call(y).tanh();
        var (states, record) = TrainableOde.Solve(field, parameters, start, [0, 1], gradient: OdeGradient.Adjoint);
    }

    private static void Train(Tensor a, Tensor b, Func<Tensor> NextBatch)
    {
        var flow = new NeuralSplineCouplingFlow(new VectorFlowOptions { Features = 2 });
        using var optimizer = new Optimizer(flow, new AdamRule());
        for (var step = 0; step < 500; step++)
        {
            using var scope = torch.NewDisposeScope();
            optimizer.ZeroGrad();
            flow.Loss(NextBatch()).backward();          // mean of -log p(x), in nats
            optimizer.Step();
        }
        var samples = flow.Sample(1000, temperature: 0.8);
        var path = flow.Interpolate(a, b, steps: 9);    // through the latent
    }
}
