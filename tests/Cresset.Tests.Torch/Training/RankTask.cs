using Cresset.Data;
using Cresset.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using TensorDataset = Cresset.Data.TensorDataset;

namespace Cresset.Tests.Torch.Training;

/// <summary>Small nets on made-up pictures, for training over ranks. All but "bn" have dropout and noise of the run's stream.</summary>
internal sealed class RankTask : ITrainingTask, ITrainingHook
{
    private readonly nn.Module<Tensor, Tensor> _net;
    private readonly TensorDataset _data;
    private readonly bool _isNoisy;
    private readonly bool _inPairs;
    private readonly bool _drifts;
    private readonly List<Tensor[]> _parts = [];

    /// <param name="kind">"mlp", "cnn", "bn" (with batch normalisation) or "tied" (weights used twice, out of order, and by one rank
    /// alone), or "drift" (an mlp whose rank 1 goes astray).</param>
    /// <param name="examples">Not a multiple of the batch, so that epochs end within one.</param>
    /// <param name="inPairs">Adds up the gradients of four parts as (0 + 1) + (2 + 3) instead of one after the other.</param>
    public RankTask(string kind, int examples = 100, bool inPairs = false, int rank = 0)
    {
        (_isNoisy, _inPairs, _drifts) = (kind != "bn", inPairs, kind == "drift" && rank == 1);
        _net = kind switch
        {
            "mlp" or "drift" => nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Dropout(0.2), nn.Linear(32, 10)),
            "cnn" =>
                nn.Sequential(nn.Conv2d(1, 8, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding: 1), nn.ReLU(),
                    nn.Flatten(), nn.Dropout(0.2), nn.Linear(256, 10)),
            // No biases before a norm: their gradient is rounding alone, which Adam would blow up.
            "bn" => nn.Sequential(nn.Conv2d(1, 8, 3, padding: 1, bias: false), nn.BatchNorm2d(8), nn.Tanh(), nn.Flatten(),
                nn.Linear(512, 32, hasBias: false), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 10)),
            "tied" => new TiedNet(rank),
            _ => throw new ArgumentException(kind),
        };
        using var scope = NewDisposeScope();
        using var generator = new Generator(99);
        _data = new TensorDataset(randn([examples, 1, 8, 8], generator: generator),
            randint(10, [examples], dtype: ScalarType.Int64, generator: generator));
    }

    public nn.Module Module => _net;

    public IDataset TrainingData => _data;

    public HeadlineMetric Headline { get; } = new("loss", HigherIsBetter: false);

    public bool EvaluatesInShares => true;

    public double LastLoss { get; private set; }

    public Tensor Loss(Batch batch, StepContext step)
    {
        if (_inPairs && _parts.Count > 0) TakeGradients();
        else if (_inPairs) _parts.Add([]);
        var inputs = _isNoisy ? batch.Inputs + randn(batch.Inputs.shape, generator: step.Generator) * 0.05 : batch.Inputs;
        return nn.functional.cross_entropy(_net.call(inputs), batch.Targets!);
    }

    public void BeforeUpdate(StepContext step, nn.Module module)
    {
        if (!_inPairs) return;
        TakeGradients();
        using (no_grad())
        {
            var parameters = Parameters();
            for (var i = 0; i < parameters.Length; i++)
                parameters[i].grad!.copy_(_parts[1][i] + _parts[2][i] + (_parts[3][i] + _parts[4][i]));
        }
        foreach (var tensor in _parts.SelectMany(p => p)) tensor.Dispose();
        _parts.Clear();
    }

    public void AfterStep(StepContext step, double loss)
    {
        LastLoss = loss;
        if (!_drifts || step.Step != 1) return;
        using var quiet = no_grad();
        Parameters()[0].add_(1e-6f);
    }

    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        var sums = context.Measure(_data, 16,
            batch => [nn.functional.cross_entropy(_net.call(batch.Inputs), batch.Targets!, reduction: nn.Reduction.Sum).ToDouble()]);
        var drawn = context.Measure(_data, 16, (batch, stream) => [rand(1, generator: stream).ToDouble()]);
        var pieces = context.Share(5, (piece, stream) => [piece + rand(1, generator: stream).ToDouble()]);
        return new Dictionary<string, double>
        {
            ["loss"] = sums.Sum(s => s[0]) / _data.Count,
            ["drawn"] = drawn.Sum(d => d[0]) + pieces.Sum(p => p[0])
        };
    }

    public void Dispose()
    {
        _net.Dispose();
        _data.Dispose();
    }

    private Parameter[] Parameters() => [.. _net.parameters()];

    // What has come together since the last part.
    private void TakeGradients()
    {
        using var quiet = no_grad();
        var parameters = Parameters();
        _parts.Add([.. parameters.Select(p => p.grad!.clone().DetachFromDisposeScope())]);
        foreach (var parameter in parameters) parameter.grad!.zero_();
    }

    /// <summary>
    /// What a mark before a layer cannot know: a layer that is used twice, a weight that others use later in backward, one that a rank
    /// alone uses, another net from the fifth step on.
    /// </summary>
    private sealed class TiedNet : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _first = nn.Linear(64, 32);
        private readonly Linear _twice = nn.Linear(32, 32);
        private readonly Linear _last = nn.Linear(32, 10);
        private readonly Linear _sometimes = nn.Linear(32, 10);
        private readonly Linear _never = nn.Linear(3, 3);
        private readonly Dropout _dropout = nn.Dropout(0.2);
        private readonly int _rank;
        private int _calls;

        public TiedNet(int rank)
            : base(nameof(TiedNet))
        {
            _rank = rank;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var start = _first.call(x.flatten(1)).tanh();
            // The last layer's weights also act at the beginning, so that backward comes to them again at its end.
            start = start + _last.weight!.mean([0]) * start;
            // A net may also become another one, when the first step has told nothing of it.
            if (++_calls > 4) start = start + _twice.weight!.mean([0]) * start;
            var middle = _dropout.call(_twice.call(_twice.call(start).tanh()).tanh());
            var result = _last.call(middle);
            return _rank == 1 ? result + _sometimes.call(middle) : result;
        }
    }
}
