using Cresset.Optim;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>The loop in README.md.</summary>
internal static class ReadmeSnippets
{
    public static void TrainingLoop()
    {
        Seeding.Apply(0);
        using var net = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 1));
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = 1e-2 });
        for (var step = 0; step < 200; step++)
        {
            using var scope = NewDisposeScope();
            var x = rand(64, 2);
            var loss = (net.call(x) - x.prod(1).unsqueeze(1)).square().mean();
            loss.backward();
            optimizer.Step(GradientClipping.Norm(1));
            optimizer.ZeroGrad();
        }
        StateDict.Save(net, "net.safetensors");
    }
}
