using Cresset.Data;
using Cresset.Training;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using BatchNorm1d = TorchSharp.Modules.BatchNorm1d;
using Dropout = TorchSharp.Modules.Dropout;
using Linear = TorchSharp.Modules.Linear;

namespace Cresset.Tests.Torch.Training;

/// <summary>A tiny regression with dropout and noise from the run's stream: everything that a resume must restore.</summary>
internal sealed class LineTask : ITrainingTask
{
    private readonly Net _net = new();
    private readonly TensorDataset _data;

    public LineTask()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-1, 1, 96).reshape(96, 1);
        _data = new TensorDataset(x.clone(), x * 3 + 0.5);
    }

    public nn.Module Module => _net;

    public IDataset TrainingData => _data;

    public HeadlineMetric Headline { get; } = new("error", HigherIsBetter: false);

    /// <summary>The step at which the loss becomes NaN; -1 for never.</summary>
    public int PoisonAt { get; init; } = -1;

    public Action<int>? OnStep { get; init; }

    public Action? OnEvaluate { get; init; }

    /// <summary>Makes every evaluation the same, so that nothing improves.</summary>
    public double? FixedError { get; init; }

    public Tensor Loss(Batch batch, StepContext step)
    {
        OnStep?.Invoke(step.Step);
        var noise = randn(batch.Inputs.shape, generator: step.Generator) * 0.01;
        var error = (_net.call(batch.Inputs + noise) - batch.Targets!).square().mean();
        step.Log("twice", 2 * error.ToDouble());
        return step.Step == PoisonAt ? error * double.NaN : error;
    }

    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        OnEvaluate?.Invoke();
        return new Dictionary<string, double>
        {
            ["error"] = FixedError
            ?? (_net.call(_data.Inputs) - _data.Targets!).square().mean().ToDouble()
        };
    }

    public void Dispose()
    {
        _net.Dispose();
        _data.Dispose();
    }

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "hidden")]
        private readonly Linear _hidden = nn.Linear(1, 16);

        [ComponentName(Name = "norm")]
        private readonly BatchNorm1d _norm = nn.BatchNorm1d(16);

        [ComponentName(Name = "drop")]
        private readonly Dropout _drop = nn.Dropout(0.2);

        [ComponentName(Name = "out")]
        private readonly Linear _out = nn.Linear(16, 1);

        public Net()
            : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return _out.call(_drop.call(nn.functional.relu(_norm.call(_hidden.call(input))))).MoveToOuterDisposeScope();
        }
    }
}
