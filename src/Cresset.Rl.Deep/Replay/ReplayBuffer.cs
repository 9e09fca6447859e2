using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// The last transitions of one or several copies of an environment, drawn evenly or by priority, with sums of n rewards made when they are
/// drawn. Terminated ends stop a sum without a bootstrap; cut ones (a time limit) stop it with the value of their last observation.
/// </summary>
public sealed class ReplayBuffer : IDisposable
{
    private const byte Running = 0;
    private const byte Terminated = 1;
    private const byte Truncated = 2;

    private readonly ReplayOptions _options;
    private readonly ReplayColumns _columns;
    private readonly SumTree? _priorities;
    private readonly int _copies;
    private readonly int _turns;
    private readonly double _gamma;
    private double _largest = 1;

    /// <summary>An empty buffer.</summary>
    /// <param name="options">Size and way of drawing.</param>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="copies">Copies of the environment that take turns; the capacity is shared among them.</param>
    /// <param name="gamma">Discount of the sums of rewards.</param>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    /// <exception cref="ArgumentException">The capacity does not hold one transition a copy.</exception>
    public ReplayBuffer(ReplayOptions options, int observationSize, int copies, double gamma)
    {
        _options = options.ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(observationSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(copies);
        if (!(gamma is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(gamma), gamma, "Allowed: [0, 1].");
        if (options.Capacity < copies) throw new ArgumentException($"A capacity of {options.Capacity} does not hold one transition of each of {copies} copies.", nameof(options));
        (_copies, _turns, _gamma) = (copies, options.Capacity / copies, gamma);
        _columns = new ReplayColumns(_turns * copies, observationSize, options.File);
        _priorities = options.Prioritized ? new SumTree(_turns * copies) : null;
    }

    /// <summary>Transitions held.</summary>
    public int Count => (int)Math.Min(Turns, _turns) * _copies;

    /// <summary>Most transitions held.</summary>
    public int Capacity => _turns * _copies;

    /// <summary>Values of an observation.</summary>
    public int ObservationSize => _columns.ObservationSize;

    /// <summary>Rounds added so far, each with one transition a copy.</summary>
    public long Turns { get; private set; }

    /// <summary>The share of transitions that ended a task: few hint at a task that never ends, many at one that fails early.</summary>
    public double TerminatedShare
    {
        get
        {
            var ended = 0;
            for (var i = 0; i < Count; i++) ended += _columns.End(i) == Terminated ? 1 : 0;
            return Count == 0 ? 0 : (double)ended / Count;
        }
    }

    /// <summary>Adds the transition of one copy; the copies come in order, and <see cref="EndTurn"/> follows the last.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="observation">Where the action was taken.</param>
    /// <param name="action">The action.</param>
    /// <param name="outcome">Reward and end.</param>
    /// <param name="next">What was seen then: the episode's own last observation when it ended.</param>
    public void Add(int copy, ReadOnlySpan<float> observation, int action, StepOutcome outcome, ReadOnlySpan<float> next)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)copy, (uint)_copies, nameof(copy));
        if (observation.Length != ObservationSize || next.Length != ObservationSize) throw new ArgumentException($"Observations have {observation.Length} and {next.Length} values; the buffer keeps {ObservationSize}.", nameof(observation));
        var row = ((int)(Turns % _turns) * _copies) + copy;
        observation.CopyTo(_columns.Observation(row));
        next.CopyTo(_columns.Next(row));
        _columns.Action(row) = action;
        _columns.Reward(row) = (float)outcome.Reward;
        _columns.End(row) = outcome.Terminated ? Terminated : outcome.Truncated ? Truncated : Running;
        if (_priorities is not null) _priorities[row] = _largest;
    }

    /// <summary>All copies have added their transition.</summary>
    public void EndTurn() => Turns++;

    /// <summary>Draws transitions with replacement into <paramref name="batch"/>.</summary>
    /// <param name="batch">Receives them.</param>
    /// <param name="random">The draw.</param>
    /// <param name="beta">Exponent of the importance weights; only with priorities.</param>
    /// <exception cref="InvalidOperationException">The buffer holds fewer transitions than the batch.</exception>
    public void Sample(ReplayBatch batch, RandomStream random, double beta = 1)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(random);
        if (batch.ObservationSize != ObservationSize) throw new ArgumentException($"The batch takes observations of {batch.ObservationSize} values; the buffer keeps {ObservationSize}.", nameof(batch));
        if (Count < batch.Size) throw new InvalidOperationException($"The buffer holds {Count} transitions; a batch takes {batch.Size}. Learn later (learning_starts) or from smaller batches.");
        var largest = 0.0;
        for (var i = 0; i < batch.Size; i++)
        {
            // One draw from each of equal parts of the mass keeps batches balanced (Schaul et al. 2016, section 3.3).
            var row = _priorities is null
                ? random.NextInt32(Count)
                : _priorities.Find((i + random.NextDouble()) * _priorities.Total / batch.Size);
            Copy(row, batch, i);
            if (_priorities is null) continue;
            var weight = Math.Pow(Count * _priorities[row] / _priorities.Total, -beta);
            batch.Weights[i] = (float)weight;
            largest = Math.Max(largest, weight);
        }
        if (_priorities is null) return;
        foreach (ref var weight in batch.Weights.AsSpan()) weight = (float)(weight / largest);
    }

    /// <summary>Gives the drawn transitions new priorities: (|error| + epsilon)^alpha.</summary>
    /// <param name="batch">The batch that was drawn last.</param>
    /// <param name="errors">One error a transition.</param>
    public void UpdatePriorities(ReplayBatch batch, ReadOnlySpan<float> errors)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (_priorities is null) return;
        for (var i = 0; i < batch.Size; i++)
        {
            var priority = Math.Pow(Math.Abs(errors[i]) + _options.PriorityEpsilon, _options.Alpha);
            _priorities[batch.Rows[i]] = priority;
            _largest = Math.Max(_largest, priority);
        }
    }

    /// <summary>The probability with which a row is drawn.</summary>
    public double Probability(int row) => _priorities is null ? 1.0 / Count : _priorities[row] / _priorities.Total;

    /// <inheritdoc/>
    public void Dispose() => _columns.Dispose();

    internal void Save(BinaryWriter writer)
    {
        writer.Write(Turns);
        writer.Write(_largest);
        for (var row = 0; row < Count; row++)
        {
            writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_columns.Observation(row)));
            writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_columns.Next(row)));
            writer.Write(_columns.Action(row));
            writer.Write(_columns.Reward(row));
            writer.Write(_columns.End(row));
            if (_priorities is not null) writer.Write(_priorities[row]);
        }
    }

    internal void Load(BinaryReader reader)
    {
        Turns = reader.ReadInt64();
        _largest = reader.ReadDouble();
        for (var row = 0; row < Count; row++)
        {
            reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_columns.Observation(row)));
            reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_columns.Next(row)));
            _columns.Action(row) = reader.ReadInt32();
            _columns.Reward(row) = reader.ReadSingle();
            _columns.End(row) = reader.ReadByte();
            if (_priorities is not null) _priorities[row] = reader.ReadDouble();
        }
    }

    private void Copy(int row, ReplayBatch batch, int i)
    {
        var size = ObservationSize;
        _columns.Observation(row).CopyTo(batch.Observations.AsSpan(i * size, size));
        batch.Actions[i] = _columns.Action(row);
        batch.Rows[i] = row;
        var newest = ((int)((Turns - 1) % _turns) * _copies) + (row % _copies);
        double sum = _columns.Reward(row), discount = _gamma;
        var at = row;
        for (var k = 1; k < _options.NStep && _columns.End(at) == Running && at != newest; k++)
        {
            at += _copies;
            if (at >= Capacity) at -= Capacity;
            sum += discount * _columns.Reward(at);
            discount *= _gamma;
        }
        batch.Returns[i] = (float)sum;
        batch.Discounts[i] = _columns.End(at) == Terminated ? 0 : (float)discount;
        _columns.Next(at).CopyTo(batch.NextObservations.AsSpan(i * size, size));
    }
}
