using Cresset.Data;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.OwnTask;

/// <summary>A small net that tells two spirals apart.</summary>
public sealed record SpiralOptions : IOptionsRecord
{
    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Turns that each spiral makes.</summary>
    public double Turns { get; init; } = 1.5;

    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Width, 1, 4096).Within(Turns, 0.1, 10);
}

/// <summary>Learns two spirals: a task of one's own.</summary>
[Part("spirals")]
public sealed class SpiralJob : TrainingJob<SpiralOptions>
{
    public override string Name => "spirals";

    public override string Summary => "A small net tells two spirals apart.";

    protected override ITrainingTask CreateTask(SpiralOptions options, TrainerOptions trainer) => new SpiralTask(options);
}

internal sealed class SpiralTask : ITrainingTask
{
    private readonly nn.Module<Tensor, Tensor> _net;
    private readonly TensorDataset _data;

    public SpiralTask(SpiralOptions options)
    {
        var angle = linspace(0.3, 1, 300) * (2 * Math.PI * options.Turns);
        var arm = stack([angle * angle.cos(), angle * angle.sin()], 1) / (2 * Math.PI * options.Turns);
        _data = new TensorDataset(cat([arm, -arm]), cat([zeros(300, int64), ones(300, int64)]));
        _net = nn.Sequential(nn.Linear(2, options.Width), nn.Tanh(), nn.Linear(options.Width, options.Width), nn.Tanh(),
            nn.Linear(options.Width, 2));
    }

    public nn.Module Module => _net;

    public IDataset TrainingData => _data;

    public HeadlineMetric Headline { get; } = new("accuracy", HigherIsBetter: true);

    public Tensor Loss(Batch batch, StepContext step) => nn.functional.cross_entropy(_net.call(batch.Inputs), batch.Targets!);

    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
        => new Dictionary<string, double>
        {
            ["accuracy"] = _net.call(_data.Inputs).argmax(1).eq(_data.Targets!).to(float32).mean()
            .item<float>()
        };

    public Tensor Sure(Tensor points) => _net.call(points).softmax(1).select(1, 1).contiguous();

    public void Dispose()
    {
        _net.Dispose();
        _data.Dispose();
    }
}
