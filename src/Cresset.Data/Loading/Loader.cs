using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// Endless batches of a dataset in an order that depends on seed and epoch alone: neither the number of workers, nor that of the processes
/// that share them, nor where it was resumed changes it.
/// </summary>
public sealed class Loader : IDisposable
{
    // Enough to keep one thread decoding while the model looks at the batch before.
    private const int PreparedAhead = 2;

    private readonly IDataset _dataset;
    private readonly LoaderOptions _options;
    private readonly Queue<Task<IPreparedBatch>> _ahead = new();
    private LoaderPosition _next;
    private LoaderPosition _scheduled;
    private int _taken;
    private int _scheduledPart;
    private int[]? _order;
    private int _orderEpoch = -1;

    /// <summary>Starts at a position (the beginning by default).</summary>
    /// <exception cref="ArgumentException">The dataset has fewer examples than one batch needs, or the position lies outside an
    /// epoch.</exception>
    public Loader(IDataset dataset, LoaderOptions options, LoaderPosition position = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        _dataset = dataset;
        _options = options.ThrowIfInvalid();
        BatchesPerEpoch = options.DropLast ? dataset.Count / options.BatchSize
            : (dataset.Count + options.BatchSize - 1) / options.BatchSize;
        if (BatchesPerEpoch == 0)
            throw new ArgumentException(
                $"The dataset has {dataset.Count} examples, fewer than one batch of {options.BatchSize}; lower batch_size "
                    + $"(trainer.batch_size={dataset.Count} or less; in code BatchSize, or keep the incomplete batch with DropLast = "
                    + $"false), or add examples.", nameof(dataset));
        if (position.Epoch < 0 || position.Batch < 0 || position.Batch > BatchesPerEpoch)
            throw new ArgumentException(
                $"Position {position} lies outside an epoch of {BatchesPerEpoch} batches; the dataset or the batch size has changed.",
                nameof(position));
        _next = _scheduled = Normalize(position);
    }

    /// <summary>Batches of one pass over the data.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>Where the next batch comes from.</summary>
    public LoaderPosition Position => _next;

    /// <summary>The next batch, or the next of its pieces that are this process's; its tensors in the caller's scope.</summary>
    public Batch Next()
    {
        if (_options.Workers == 0)
        {
            var request = Schedule();
            Take();
            return _dataset.Prepare(request).ToBatch();
        }
        while (_ahead.Count < _options.Workers + _options.Prefetch)
        {
            var request = Schedule();
            _ahead.Enqueue(Task.Run(() => _dataset.Prepare(request)));
        }
        var prepared = _ahead.Dequeue().GetAwaiter().GetResult();
        Take();
        return prepared.ToBatch();
    }

    /// <summary>
    /// One pass in dataset order, the smaller last batch included: for evaluation. The next batches are prepared on other threads.
    /// </summary>
    /// <param name="dataset">The examples.</param>
    /// <param name="batchSize">Examples per batch.</param>
    /// <param name="share">Of batches shared out in turns, the first that is wanted.</param>
    /// <param name="shares">Into how many shares: batches share, share + shares, ... are given.</param>
    public static IEnumerable<Batch> Once(IDataset dataset, int batchSize, int share = 0, int shares = 1)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shares);
        if (share < 0 || share >= shares) throw new ArgumentOutOfRangeException(nameof(share), share, $"Allowed: 0 to {shares - 1}.");
        return Pass(dataset, batchSize, (long)share * batchSize, (long)shares * batchSize);
    }

    private static IEnumerable<Batch> Pass(IDataset dataset, int batchSize, long first, long stride)
    {
        var ahead = new Queue<Task<IPreparedBatch>>();
        try
        {
            for (var start = first; start < dataset.Count || ahead.Count > 0;)
            {
                for (; start < dataset.Count && ahead.Count <= PreparedAhead; start += stride)
                {
                    var indices = Enumerable.Range((int)start, (int)Math.Min(batchSize, dataset.Count - start)).ToArray();
                    ahead.Enqueue(Task.Run(() => dataset.Prepare(new BatchRequest(indices, 0, 0))));
                }
                yield return ahead.Dequeue().GetAwaiter().GetResult().ToBatch();
            }
        }
        finally
        {
            Abandon(ahead);
        }
    }

    /// <summary>Waits for the workers to end.</summary>
    public void Dispose() => Abandon(_ahead);

    // Who leaves early may free the dataset next: nobody must still be reading it. What failed there was not asked for.
    private static void Abandon(Queue<Task<IPreparedBatch>> ahead)
    {
        while (ahead.TryDequeue(out var task)) task.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default).Wait();
    }

    private int OwnParts => _options.Parts / _options.Ranks;

    private BatchRequest Schedule()
    {
        var request = RequestAt(_scheduled, _options.Rank + (_scheduledPart * _options.Ranks));
        if (++_scheduledPart == OwnParts) (_scheduled, _scheduledPart) = (Following(_scheduled), 0);
        return request;
    }

    // The place counts whole batches: who goes on there gets them whole, in whatever pieces.
    private void Take()
    {
        if (++_taken == OwnParts) (_next, _taken) = (Following(_next), 0);
    }

    private BatchRequest RequestAt(LoaderPosition position, int part)
    {
        if (_orderEpoch != position.Epoch) (_order, _orderEpoch) = (OrderOf(position.Epoch), position.Epoch);
        var start = position.Batch * _options.BatchSize;
        var count = Math.Min(_options.BatchSize, _dataset.Count - start);
        if (_options.Parts == 1) return new BatchRequest(new ArraySegment<int>(_order!, start, count), _options.Seed, position.Epoch);
        var indices = new int[count / _options.Parts];
        for (var i = 0; i < indices.Length; i++) indices[i] = _order![start + part + (i * _options.Parts)];
        return new BatchRequest(indices, _options.Seed, position.Epoch);
    }

    private int[] OrderOf(int epoch)
    {
        if (!_options.Shuffle) return Enumerable.Range(0, _dataset.Count).ToArray();
        using var scope = NewDisposeScope();
        using var generator = new Generator(unchecked(_options.Seed + (ulong)epoch));
        return randperm(_dataset.Count, dtype: ScalarType.Int32, generator: generator).data<int>().ToArray();
    }

    private LoaderPosition Following(LoaderPosition position) => Normalize(position with { Batch = position.Batch + 1 });

    private LoaderPosition Normalize(LoaderPosition position) =>
        position.Batch < BatchesPerEpoch ? position : new LoaderPosition(position.Epoch + 1, 0);
}
