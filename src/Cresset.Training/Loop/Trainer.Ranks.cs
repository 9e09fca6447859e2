using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Distributed;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

public sealed partial class Trainer
{
    /// <summary>Steps between comparisons of the weights over the ranks.</summary>
    internal const int WeightChecks = 100;

    private static readonly JsonSerializerOptions Figures = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };
    private readonly List<string> _ranksNotices = [];
    private bool _hasLookedAtBuffers;

    /// <summary>Pieces that a batch is computed in, over all ranks.</summary>
    private int Parts => _options.Accumulate * _ranks.Size;

    private void CheckRanks()
    {
        if (_ranks.Size == 1) return;
        _options.CheckFor(_ranks.Size);
        if (_task.Auxiliaries.Count > 0)
        {
            throw new NotSupportedException(
                $"This recipe trains a second model ('{_task.Auxiliaries[0].Name}') with an optimizer of its own, whose gradients ranks do "
                    + $"not share; run it in one process.");
        }
        RankedData.Compare(_ranks, _task.TrainingData);
        foreach (var learner in _task.Module.modules().OfType<IPoolsExamples>()) learner.Pool = own => TensorExchange.Join(_ranks, own);
        if (_options.SyncBatchNorm) SharedBatchNorm.Apply(_task.Module, _ranks);
        else if (SharedBatchNorm.Find(_task.Module) is { } layer)
            _ranksNotices.Add(
                $"'{layer}' normalises each rank's part of a batch by itself, and keeps rank 0's statistics; trainer.sync_batch_norm=true "
                    + $"takes those of the whole batch.");
    }

    // One rank may be told to stop a step before another: all do what any was told.
    private (bool IsCancelled, bool IsOutOfTime) Agree(bool isCancelled, bool isOutOfTime)
    {
        if (_ranks.Size == 1) return (isCancelled, isOutOfTime);
        Span<double> votes = [isCancelled ? 1 : 0, isOutOfTime ? 1 : 0];
        _ranks.AllReduce(votes, Reduction.Max);
        return (votes[0] > 0, votes[1] > 0);
    }

    private double ExchangeGradients(double loss)
    {
        loss = _exchange!.Reduce(loss);
        if (!double.IsFinite(loss)) throw Diverged($"the loss is {loss}");
        // Layers that take their first weights from their first examples did so on every rank for itself.
        if (_step == 0) TensorExchange.Broadcast(_ranks, StateDict.Of(_task.Module).Values);
        return loss;
    }

    private void ExchangeStatistics()
    {
        if (_ranks.Size == 1) return;
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var buffers = _task.Module.named_buffers().ToList();
        if (!_hasLookedAtBuffers) LookAt(buffers);
        TensorExchange.Broadcast(_ranks, buffers.Select(b => b.buffer));
    }

    // Codebooks that follow the examples and their like: what the others saw does not reach them.
    private void LookAt(List<(string Name, Tensor Buffer)> buffers)
    {
        _hasLookedAtBuffers = true;
        var own = buffers.Select(b => TensorExchange.Hash(new Dictionary<string, Tensor> { [b.Name] = b.Buffer }));
        var all = _ranks.Gather(Encoding.UTF8.GetBytes(string.Join(' ', own))).Select(part => Encoding.UTF8.GetString(part).Split(' '))
            .ToList();
        string[] isNoted = ["running_mean", "running_var"];
        var differing = buffers.Select(b => b.Name)
            .Where((name, i) => all.Exists(hashes => hashes[i] != all[0][i])
                && !isNoted.Any(n => name.EndsWith(n, StringComparison.Ordinal))).ToList();
        if (differing.Count > 0)
            _ranksNotices.Add(
                $"'{differing[0]}'{(differing.Count > 1 ? $" and {differing.Count - 1} more buffers follow" : " follows")} each rank's own "
                    + $"examples: rank 0's are kept, as PyTorch's DistributedDataParallel does.");
    }

    private void CompareWeights()
    {
        if (_ranks.Size == 1) return;
        using var scope = NewDisposeScope();
        if (_ranks.Differing(TensorExchange.Hash(StateDict.Of(_task.Module))) is not { } others) return;
        throw new CommunicationException(
            $"After step {_step} the weights of rank {string.Join(", ", others)} are no longer those of rank 0: the task changes weights "
                + $"by something that ranks do not share, or their machines compute differently (another processor, another libtorch). "
            + $"{(_lastGood is null ? "No checkpoint had been saved yet." : $"The last good checkpoint is {_lastGood}.")}");
    }

    private IReadOnlyDictionary<string, double> EvaluateTogether(bool isFinal, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, double> Own() => InEvaluation(() => _task.Evaluate(Context(isFinal, cancellation)));
        if (_ranks.Size == 1) return Own();
        string? text = null;
        if (!_task.EvaluatesInShares)
        {
            OnRankZero(() => text = JsonSerializer.Serialize(Own(), Figures));
        }
        else
        {
            using var patience = Patience();
            text = JsonSerializer.Serialize(Own(), Figures);
        }
        // Rank 0's are everybody's: another processor's last digit must not make its rank stop earlier.
        return JsonSerializer.Deserialize<Dictionary<string, double>>(_ranks.BroadcastText(text), Figures)!;
    }

    // The others have nothing to do meanwhile, and must learn when it was stopped.
    private void OnRankZero(Action work)
    {
        OperationCanceledException? stopped = null;
        if (_ranks.Rank == 0)
        {
            try
            {
                work();
            }
            catch (OperationCanceledException e) when (_ranks.Size > 1)
            {
                stopped = e;
            }
        }
        using var patience = Patience();
        if (_ranks.Any(stopped is not null)) throw stopped ?? new OperationCanceledException();
    }

    private void TellOfRanks(IProgress<TrainingReport>? progress)
    {
        foreach (var notice in _ranksNotices) progress?.Report(new NoticeReport(notice));
        _ranksNotices.Clear();
    }

    private LongWait Patience() => new(_ranks);

    /// <summary>While rank 0 evaluates, draws or writes the others wait longer than for a step.</summary>
    private readonly struct LongWait : IDisposable
    {
        private const int Times = 20;
        private readonly ICommunicator _ranks;
        private readonly TimeSpan _before;

        public LongWait(ICommunicator ranks)
        {
            (_ranks, _before) = (ranks, ranks.WaitLimit);
            if (_before != Timeout.InfiniteTimeSpan) ranks.WaitLimit = _before * Times;
        }

        public void Dispose() => _ranks.WaitLimit = _before;
    }
}
