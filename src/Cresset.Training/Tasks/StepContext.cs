using System.Globalization;
using Cresset.Data;
using Cresset.Distributed;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>What a loss may use beside its batch.</summary>
/// <param name="Step">Finished steps before this one.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="Generator">The run's random stream (noise, timesteps, dropout masks of the task's own); saved in checkpoints.</param>
/// <param name="Device">Where the module and the batch are.</param>
/// <param name="Recorder">The run.</param>
/// <param name="IsLogged">False on steps whose values are not recorded: skip work done only for logging.</param>
public sealed record StepContext(int Step, int TotalSteps, Generator Generator, Device Device, IRunRecorder Recorder, bool IsLogged)
{
    /// <summary>Share of training that is done, 0 to 1.</summary>
    public double Progress => (double)Step / TotalSteps;

    /// <summary>Records a value under <c>train/name</c> on logged steps, at the number of steps that will then be finished.</summary>
    public void Log(string name, double value)
    {
        if (IsLogged) Recorder.Scalar($"train/{name}", Step + 1, value);
    }
}

/// <summary>What an evaluation may use.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="Generator">A stream made from the run's seed for this evaluation alone: looking at a model never changes its
/// training.</param>
/// <param name="Device">Where the module is.</param>
/// <param name="IsFinal">The last evaluation of a run, or one asked for by hand: spend more.</param>
/// <param name="Cancellation">Stop soon when it is cancelled.</param>
public sealed record EvaluationContext(int Step, Generator Generator, Device Device, bool IsFinal, CancellationToken Cancellation)
{
    /// <summary>
    /// The ranks that evaluate together; a single process unless the task says <see cref="ITrainingTask.EvaluatesInShares"/>.
    /// </summary>
    public ICommunicator Ranks { get; init; } = OneProcess.Instance;

    /// <summary>
    /// One pass over examples in dataset order, in batches that the ranks share: what <paramref name="measure"/> gives for each batch, in
    /// their order and on every rank. The batches are the same for any number of ranks, so that sums over the records have the same bits.
    /// Each runs in a scope of its own.
    /// </summary>
    /// <param name="part">The examples.</param>
    /// <param name="batchSize">Examples per batch; the last may be smaller.</param>
    /// <param name="measure">Raw records of a batch, such as counts, sums or predictions; it must draw nothing from
    /// <see cref="Generator"/>.</param>
    /// <exception cref="OperationCanceledException">One of the ranks was cancelled; it is thrown on all.</exception>
    public IReadOnlyList<double[]> Measure(IDataset part, int batchSize, Func<Batch, double[]> measure)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentNullException.ThrowIfNull(measure);
        return Shares.Gather(Ranks, Own(), Cancellation);

        IEnumerable<double[]> Own()
        {
            foreach (var batch in Loader.Once(part, batchSize, Ranks.Rank, Ranks.Size))
            {
                using var scope = NewDisposeScope();
                using (batch) yield return measure(batch);
            }
        }
    }

    /// <summary>
    /// The same for a measure that draws: each batch has a random stream of its own, so that it draws the same on whichever rank.
    /// </summary>
    /// <param name="part">The examples.</param>
    /// <param name="batchSize">Examples per batch; the last may be smaller.</param>
    /// <param name="measure">Raw records of a batch and its stream.</param>
    /// <exception cref="OperationCanceledException">One of the ranks was cancelled; it is thrown on all.</exception>
    public IReadOnlyList<double[]> Measure(IDataset part, int batchSize, Func<Batch, Generator, double[]> measure)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentNullException.ThrowIfNull(measure);
        var seed = NextSeed();
        return Shares.Gather(Ranks, Own(), Cancellation);

        IEnumerable<double[]> Own()
        {
            foreach (var (turn, batch) in Loader.Once(part, batchSize, Ranks.Rank, Ranks.Size).Index())
            {
                using var scope = NewDisposeScope();
                using var stream = StreamOf(seed, Ranks.Rank + (turn * Ranks.Size));
                using (batch) yield return measure(batch, stream);
            }
        }
    }

    /// <summary>
    /// Numbered pieces of work that the ranks share, such as pictures drawn by the hundred: what <paramref name="work"/> gives for each, in
    /// their order and on every rank. Each has a random stream and a scope of its own.
    /// </summary>
    /// <param name="pieces">How many; the same on every rank.</param>
    /// <param name="work">Raw records of a piece, from its number and its stream.</param>
    /// <exception cref="OperationCanceledException">One of the ranks was cancelled; it is thrown on all.</exception>
    public IReadOnlyList<double[]> Share(int pieces, Func<int, Generator, double[]> work)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pieces);
        ArgumentNullException.ThrowIfNull(work);
        var seed = NextSeed();
        return Shares.Gather(Ranks, Own(), Cancellation);

        IEnumerable<double[]> Own()
        {
            for (var piece = Ranks.Rank; piece < pieces; piece += Ranks.Size)
            {
                using var scope = NewDisposeScope();
                using var stream = StreamOf(seed, piece);
                yield return work(piece, stream);
            }
        }
    }

    private static Generator StreamOf(ulong seed, int piece) =>
        Seeding.Generator(seed, string.Create(CultureInfo.InvariantCulture, $"piece/{piece}"));

    // Every rank draws it, and so goes on from the same place of the evaluation's stream.
    private ulong NextSeed()
    {
        using var scope = NewDisposeScope();
        return (ulong)randint(0, long.MaxValue, 1, dtype: ScalarType.Int64, generator: Generator).ToInt64();
    }
}
