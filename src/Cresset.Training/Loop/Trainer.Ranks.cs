using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

public sealed partial class Trainer
{
    /// <summary>Steps between comparisons of the weights over the ranks.</summary>
    internal const int WeightChecks = 100;

    private static readonly JsonSerializerOptions Figures = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };
    private string? _ranksNotice;

    /// <summary>Pieces that a batch is computed in, over all ranks.</summary>
    private int Parts => _options.Accumulate * _ranks.Size;

    private void CheckRanks()
    {
        if (_ranks.Size == 1) return;
        _options.CheckFor(_ranks.Size);
        if (_task.Auxiliaries.Count > 0)
        {
            throw new NotSupportedException($"This recipe trains a second model ('{_task.Auxiliaries[0].Name}') with an optimizer of its own, whose gradients ranks do not share; run it in one process.");
        }
        RankedData.Compare(_ranks, _task.TrainingData);
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
        var averaged = new HashSet<nint>();
        if (_options.SyncBatchNorm)
        {
            foreach (var (name, buffer) in _task.Module.named_buffers())
            {
                if (!name.EndsWith("running_mean", StringComparison.Ordinal) && !name.EndsWith("running_var", StringComparison.Ordinal)) continue;
                if (buffer.dtype != ScalarType.Float32 || !averaged.Add(TensorIdentity.Of(buffer))) continue;
                TensorExchange.Sum(_ranks, buffer);
                buffer.div_(_ranks.Size);
            }
        }
        TensorExchange.Broadcast(_ranks, _task.Module.named_buffers().Select(b => b.buffer).Where(b => !averaged.Contains(TensorIdentity.Of(b))));
    }

    private void CompareWeights()
    {
        if (_ranks.Size == 1) return;
        using var scope = NewDisposeScope();
        if (_ranks.Differing(TensorExchange.Hash(StateDict.Of(_task.Module))) is not { } others) return;
        throw new CommunicationException(
            $"After step {_step} the weights of rank {string.Join(", ", others)} are no longer those of rank 0: the task changes weights by something that ranks do not share, or their machines compute differently "
            + $"(another processor, another libtorch). {(_lastGood is null ? "No checkpoint had been saved yet." : $"The last good checkpoint is {_lastGood}.")}");
    }

    private IReadOnlyDictionary<string, double> EvaluateTogether(bool isFinal, CancellationToken cancellation)
    {
        if (_ranks.Size == 1 || _task.EvaluatesInShares) return InEvaluation(() => _task.Evaluate(Context(isFinal, cancellation)));
        string? text = null;
        if (_ranks.Rank == 0) text = JsonSerializer.Serialize(InEvaluation(() => _task.Evaluate(Context(isFinal, cancellation))), Figures);
        using var patience = Patience();
        return JsonSerializer.Deserialize<Dictionary<string, double>>(_ranks.BroadcastText(text), Figures)!;
    }

    // The others have nothing to do meanwhile.
    private void Await()
    {
        if (_ranks.Size == 1) return;
        using var patience = Patience();
        _ranks.Barrier();
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
