using Cresset.Data;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

/// <summary>A small net with dropout and noise of the run's stream on made-up pictures, for training over ranks.</summary>
internal sealed class RankTask : ITrainingTask
{
    private readonly nn.Module<Tensor, Tensor> _net;
    private readonly TensorDataset _data;

    /// <param name="kind">"mlp" or "cnn".</param>
    /// <param name="examples">Not a multiple of the batch, so that epochs end within one.</param>
    public RankTask(string kind, int examples = 100)
    {
        _net = kind == "mlp"
            ? nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Dropout(0.2), nn.Linear(32, 10))
            : nn.Sequential(nn.Conv2d(1, 8, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding: 1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(256, 10));
        using var scope = NewDisposeScope();
        using var generator = new Generator(99);
        _data = new TensorDataset(randn([examples, 1, 8, 8], generator: generator), randint(10, [examples], dtype: ScalarType.Int64, generator: generator));
    }

    public nn.Module Module => _net;

    public IDataset TrainingData => _data;

    public HeadlineMetric Headline { get; } = new("loss", HigherIsBetter: false);

    public bool EvaluatesInShares => true;

    public Tensor Loss(Batch batch, StepContext step)
    {
        var noise = randn(batch.Inputs.shape, generator: step.Generator) * 0.05;
        return nn.functional.cross_entropy(_net.call(batch.Inputs + noise), batch.Targets!);
    }

    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        var sums = context.Measure(_data, 16, batch => [nn.functional.cross_entropy(_net.call(batch.Inputs), batch.Targets!, reduction: nn.Reduction.Sum).ToDouble()]);
        return new Dictionary<string, double> { ["loss"] = sums.Sum(s => s[0]) / _data.Count };
    }

    public void Dispose()
    {
        _net.Dispose();
        _data.Dispose();
    }
}
