using Cresset.Flows;
using Cresset.Optim;
using Cresset.Tensors;
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

    public static void Pictures()
    {
        using var scope = NewDisposeScope();
        var pictures = rand(8, 1, 8, 8) * 2 - 1;
        var labels = tensor((long[])[0, 1, 2, 0, 1, 2, 0, 1]);
        using var tarflow = new TarFlow(new TarFlowOptions { Channels = 1, Size = 8, Patch = 4, Blocks = 2, Width = 16, Classes = 3 });
        var noisy = pictures + randn_like(pictures) * 0.1;                       // training adds noise ...
        tarflow.Loss(noisy, labels).backward();
        var drawn = tarflow.SampleGuided(4, labels: tensor(2L), guidance: 1.5);
        var clean = tarflow.Denoise(drawn, deviation: 0.1, tensor(2L));          // ... and drawing takes it away

        FlowTransform Level(int level, long channels) =>
            new CompositeTransform([new ActNorm(channels, images: true), new LuConvolution(channels),
            new Coupling(FeatureMasks.Half((int)channels, true), new AffineUnivariate(AffineScale.Sigmoid, true, true),
                (i, o) => new GlowConditioner(i, o, 16), ParameterLayout.ByParameter)]);
        using var glow = new Flow(new MultiScale([1, 8, 8], 2, Level), new ClassConditionalNormal(3, 64), ContextUse.Base);
        glow.Loss(pictures, labels).backward();
    }

    public static void Foreign()
    {
        using var scope = NewDisposeScope();
        // Our RealNvp has zuko's keys.
        using var trained = new RealNvp(new VectorFlowOptions { Features = 3, Hidden = [16] });
        const string path = "flow.safetensors";
        StateDict.Save(trained, path);
        using var flow = FlowCheckpoint.Open(path);                              // nflows, zuko, normflows, glow-pytorch, FrEIA
        var samples = flow.Sample(1000);
        var log = flow.LogProb(samples);
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
