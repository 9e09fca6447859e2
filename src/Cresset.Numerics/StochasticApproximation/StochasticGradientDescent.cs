namespace Cresset.Numerics;

/// <summary>How examples are drawn for a batch.</summary>
public enum BatchSampling
{
    /// <summary>A fresh random order every pass, without replacement: usual in training.</summary>
    Reshuffled,

    /// <summary>Independent draws with replacement: the case of the theory.</summary>
    Independent,

    /// <summary>Always in the given order.</summary>
    InOrder,
}

/// <summary>
/// Gradient descent on a finite sum, as the special case of <see cref="RobbinsMonro"/> where the noisy function is the gradient of a random
/// batch:
/// batch size 1 is stochastic, n is batch gradient descent, between them mini-batch.
/// </summary>
public sealed class StochasticGradientDescent : StochasticApproximation
{
    private readonly IFiniteSum _loss;
    private readonly RandomStream _random;
    private readonly BatchSampling _sampling;
    private readonly int[] _order;
    private int _position;

    /// <summary>Descends <paramref name="loss"/> from <paramref name="start"/>.</summary>
    /// <param name="loss">The finite sum.</param>
    /// <param name="start">The first iterate, of the loss's dimension.</param>
    /// <param name="batchSize">Examples per update, from 1 to the loss's count.</param>
    /// <param name="random">The source of the order (unused for whole batches).</param>
    /// <param name="options">Step sizes (learning rates), averaging, bounds.</param>
    /// <param name="sampling">How batches are drawn.</param>
    public StochasticGradientDescent(IFiniteSum loss, ReadOnlySpan<double> start, int batchSize, RandomStream random,
        ApproximationOptions? options = null, BatchSampling sampling = BatchSampling.Reshuffled)
        : base(start, options ?? new ApproximationOptions())
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(random);
        if (start.Length != loss.Dimension)
            throw new ArgumentException($"The start has {start.Length} numbers; the loss needs {loss.Dimension}.", nameof(start));
        if (batchSize < 1 || batchSize > loss.Count)
            throw new ArgumentOutOfRangeException(nameof(batchSize), batchSize, $"A batch holds 1 to {loss.Count} examples here.");
        if (!Enum.IsDefined(sampling)) throw new ArgumentOutOfRangeException(nameof(sampling), sampling, "Unknown way of sampling.");
        _loss = loss;
        _random = random;
        _sampling = sampling;
        BatchSize = batchSize;
        _order = new int[loss.Count];
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        _position = _order.Length;
    }

    /// <summary>Examples per update.</summary>
    public int BatchSize { get; }

    /// <summary>Passes over the data so far.</summary>
    public double Epochs => Evaluations / (double)_loss.Count;

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        direction.Clear();
        // The last batch of a pass may be short: its mean is over what it holds.
        var size = BatchSize;
        if (_sampling != BatchSampling.Independent)
        {
            if (_position >= _order.Length)
            {
                if (_sampling == BatchSampling.Reshuffled && BatchSize < _order.Length) _random.Shuffle<int>(_order);
                _position = 0;
            }
            size = Math.Min(size, _order.Length - _position);
        }
        for (var b = 0; b < size; b++)
        {
            var index = _sampling == BatchSampling.Independent && BatchSize < _order.Length
                ? _random.NextInt32(_order.Length)
                : _order[_sampling == BatchSampling.Independent ? b : _position + b];
            _loss.AddGradient(index, x, 1.0 / size, direction);
        }
        _position += size;
        Evaluations += size;
    }
}
