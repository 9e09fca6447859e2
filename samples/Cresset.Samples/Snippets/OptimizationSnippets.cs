using Cresset.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/optimization.md.</summary>
internal static class OptimizationSnippets
{
    public static void Loop()
    {
        using var outer = NewDisposeScope();
        using var model = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 3));
        var batches = Enumerable.Range(0, 4).Select(_ => (x: randn(16, 8), y: randint(3, 16))).ToList();
        using var optimizer = new Optimizer(ParameterGroups.NoDecayForBiasesAndNorms(model),
            new AdamWRule { LearningRate = 3e-4, WeightDecay = 0.1 });
        var scheduler = new Scheduler(optimizer, new CosineSchedule { Steps = 10_000, EndFactor = 0.1 }.WithWarmUp(500));
        using var average = new WeightAverage(model, WeightAverageOptions.Ema(0.999));
        Console.Write(ParameterGroups.Summary(optimizer));

        foreach (var (x, y) in batches)
        {
            using var scope = torch.NewDisposeScope();
            optimizer.ZeroGrad();
            torch.nn.functional.cross_entropy(model.call(x), y).backward();
            var result = optimizer.Step(GradientClipping.Norm(1), average: average);   // result.GradientNorm: before clipping
            scheduler.Step();
        }
        average.Apply();      // evaluate or save the averaged weights
        average.Restore();
    }
}
