using Cresset.Data;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MyApp;

/// <summary>A small net that tells two rings of points apart.</summary>
public sealed record RingsOptions : IOptionsRecord
{
    /// <summary>Width of the hidden layer.</summary>
    public int Width { get; init; } = 32;

    /// <summary>How far points stray from their ring.</summary>
    public double Noise { get; init; } = 0.1;

    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Width, 1, 4096).Within(Noise, 0, 1);
}

/// <summary>Learns which of two rings a point belongs to: a task of your own.</summary>
[Part("rings")]
public sealed class RingsJob : TrainingJob<RingsOptions>
{
    public override string Name => "rings";

    public override string Summary => "A small net tells two rings of points apart.";

    protected override ITrainingTask CreateTask(RingsOptions options, TrainerOptions trainer) => new RingsTask(options);
}

internal sealed class RingsTask(RingsOptions options) : ITrainingTask
{
    private readonly nn.Module<Tensor, Tensor> _net = nn.Sequential(nn.Linear(2, options.Width), nn.Tanh(), nn.Linear(options.Width, 2));
    private readonly TensorDataset _training = Points(512, options.Noise);
    private readonly TensorDataset _test = Points(256, options.Noise);

    public nn.Module Module => _net;

    public IDataset TrainingData => _training;

    public HeadlineMetric Headline { get; } = new("accuracy", HigherIsBetter: true);

    public Tensor Loss(Batch batch, StepContext step) => nn.functional.cross_entropy(_net.call(batch.Inputs), batch.Targets!);

    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
        => new Dictionary<string, double> { ["accuracy"] = _net.call(_test.Inputs).argmax(1).eq(_test.Targets!).to(float32).mean()
            .item<float>() };

    public void Dispose()
    {
        _net.Dispose();
        _training.Dispose();
        _test.Dispose();
    }

    // Your own data goes here: any tensors, or a reader of Cresset.Data for pictures, CSV, NumPy, sound or text.
    private static TensorDataset Points(int count, double noise)
    {
        var labels = arange(count, dtype: int64).remainder(2);
        var radius = labels.to(float32) + 1 + (randn(count) * noise);
        var angle = rand(count) * (2 * Math.PI);
        return new TensorDataset(stack([radius * angle.cos(), radius * angle.sin()], 1), labels);
    }
}
