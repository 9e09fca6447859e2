using Cresset.Data;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Programs;

/// <summary>A small network on real digits by hand: loader, loss, optimizer, schedule, averaged weights, a curve.</summary>
internal static class ClassifyDigits
{
    public static void Run()
    {
        Seeding.Apply(1);
        var (train, test) = ImageClassification.Digits();
        using var net = nn.Sequential(nn.Conv2d(1, 16, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10));
        using var loader = new Loader(train, new LoaderOptions { BatchSize = 64, Seed = 1 });
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = 1e-2 });
        var scheduler = new Scheduler(optimizer, new CosineSchedule { Steps = 300 }.WithWarmUp(20));
        using var average = new WeightAverage(net, WeightAverageOptions.Ema(0.98));
        var losses = new List<double>();
        for (var step = 0; step < 300; step++)
        {
            using var scope = NewDisposeScope();
            var batch = loader.Next();
            optimizer.ZeroGrad();
            var loss = nn.functional.cross_entropy(net.call(batch.Inputs), batch.Targets!);
            loss.backward();
            optimizer.Step(GradientClipping.Norm(1), average: average);
            scheduler.Step();
            losses.Add(loss.ToDouble());
        }
        average.Apply();
        using (NewDisposeScope())
        using (no_grad())
        {
            var right = net.call(test.Inputs).argmax(1).eq(test.Targets!).to(ScalarType.Float32).mean().ToDouble();
            Console.WriteLine($"accuracy on digits never seen: {right:0.000}");
        }
        new Chart(new ChartOptions { Title = "Loss", XLabel = "step" }).Line<double, double>("training", [.. Enumerable.Range(1, 300)],
            [.. losses]).Save("loss.png");
        train.Dispose();
        test.Dispose();
    }
}
