using System.Runtime.InteropServices;
using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// The last transitions of one or several copies of an environment, drawn evenly or by priority, with sums of n rewards made when they are
/// drawn. Terminated ends stop a sum without a bootstrap; cut ones (a time limit) stop it with the value of their last observation.
/// Each observation is kept once, as float32 or bytes.
/// </summary>
public sealed class ReplayBuffer : IDisposable
{
    private const byte Running = 0;
    private const byte Terminated = 1;
    private const byte Truncated = 2;
    private const int ActionColumn = 0;
    private const int RewardColumn = 1;
    private const int EndColumn = 2;
    private const int MaskColumn = 3;
    private const int MemoryColumn = 4;
    private const int BeginColumn = 5;
    private readonly ReplayOptions _options;
    private readonly ObservationStore _observations;
    private readonly ReplayMemory _memory;
    private readonly SumTree? _priorities;
    private readonly int _copies;
    private readonly int _turns;
    private readonly int _actionSize;
    private readonly int _maskSize;
    private readonly double _gamma;
    private readonly Hindsight? _hindsight;
    private double _largest = 1;

    /// <summary>An empty buffer.</summary>
    /// <param name="options">Size and way of drawing.</param>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="copies">Copies of the environment that take turns; the capacity is shared among them.</param>
    /// <param name="gamma">Discount of the sums of rewards.</param>
    /// <param name="actionSize">Values of a continuous action; 1 for choices.</param>
    /// <param name="maskSize">Entries of an action mask; 0 where there is none.</param>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    /// <param name="goals">The goals of the world, where <see cref="ReplayOptions.Hindsight"/> is asked for.</param>
    /// <exception cref="ArgumentException">The capacity does not hold one transition per copy, the frames do not divide the observation, or
    /// hindsight has no goals.</exception>
    public ReplayBuffer(ReplayOptions options, int observationSize, int copies, double gamma, int actionSize = 1, int maskSize = 0,
        IGoalEnvironment? goals = null)
        : this(options, observationSize, copies, gamma, actionSize, maskSize, goals, 0)
    {
    }

    internal ReplayBuffer(ReplayOptions options, int observationSize, int copies, double gamma, int actionSize, int maskSize,
        IGoalEnvironment? goals, int memorySize)
    {
        _options = options.ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(observationSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(copies);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actionSize);
        ArgumentOutOfRangeException.ThrowIfNegative(maskSize);
        if (!(gamma is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(gamma), gamma, "Allowed: [0, 1].");
        if (options.Capacity < copies)
            throw new ArgumentException($"A capacity of {options.Capacity} does not hold one transition of each of {copies} copies.",
                nameof(options));
        if (observationSize % options.Frames != 0)
            throw new ArgumentException(
                $"replay.frames is {options.Frames}; observations of {observationSize} values do not divide into so many frames.",
                nameof(options));
        (_copies, _turns, _gamma, _actionSize, _maskSize) = (copies, options.Capacity / copies, gamma, actionSize, maskSize);
        ObservationSize = observationSize;
        _hindsight = options.Hindsight == 0 ? null : new Hindsight(options.Hindsight, observationSize, goals);
        var rows = (long)_turns * copies;
        _observations = new ObservationStore(_turns, copies, observationSize, options.Frames, options.Storage == ReplayStorage.Uint8,
            options.File);
        // Masks of the observation and of what followed.
        _memory = new ReplayMemory([rows, rows, rows, rows, rows, rows],
            [actionSize * sizeof(float), sizeof(float), 1, 2 * maskSize, memorySize * sizeof(float), memorySize > 0 ? 1 : 0], null);
        _priorities = options.Prioritized ? new SumTree(_turns * copies) : null;
    }

    /// <summary>Transitions held.</summary>
    public int Count => (int)Math.Min(Turns, _turns) * _copies;

    /// <summary>Most transitions held.</summary>
    public int Capacity => _turns * _copies;

    /// <summary>Values of an observation.</summary>
    public int ObservationSize { get; }

    /// <summary>Rounds added so far, each with one transition per copy.</summary>
    public long Turns { get; private set; }

    /// <summary>The share of transitions that ended a task: few hint at a task that never ends, many at one that fails early.</summary>
    public double TerminatedShare
    {
        get
        {
            var ended = 0;
            for (var i = 0; i < Count; i++) ended += End(i) == Terminated ? 1 : 0;
            return Count == 0 ? 0 : (double)ended / Count;
        }
    }

    /// <summary>Adds the transition of one copy; the copies come in order, and <see cref="EndTurn"/> follows the last.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="observation">Where the action was taken.</param>
    /// <param name="action">The action.</param>
    /// <param name="outcome">Reward and end.</param>
    /// <param name="next">What was seen then: the episode's own last observation when it ended.</param>
    /// <param name="mask">Which actions were allowed; only in a buffer with masks.</param>
    /// <param name="nextMask">Which actions are allowed then; all where the task has ended.</param>
    public void Add(int copy, ReadOnlySpan<float> observation, int action, StepOutcome outcome, ReadOnlySpan<float> next,
        ReadOnlySpan<bool> mask = default, ReadOnlySpan<bool> nextMask = default)
        => Add(copy, observation, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in action)), outcome, next, mask, nextMask);

    /// <summary>Adds the transition of one copy with a continuous action.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="observation">Where the action was taken.</param>
    /// <param name="action">The action's values.</param>
    /// <param name="outcome">Reward and end.</param>
    /// <param name="next">What was seen then: the episode's own last observation when it ended.</param>
    public void Add(int copy, ReadOnlySpan<float> observation, ReadOnlySpan<float> action, StepOutcome outcome, ReadOnlySpan<float> next)
        => Add(copy, observation, MemoryMarshal.AsBytes(action), outcome, next, [], []);

    /// <summary>Keeps what a copy remembered before the step that is added in this round.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="memory">What it remembered.</param>
    /// <param name="begins">Whether the step is the first of an episode.</param>
    internal void Remember(int copy, ReadOnlySpan<float> memory, bool begins)
    {
        var row = ((int)(Turns % _turns) * _copies) + copy;
        MemoryMarshal.AsBytes(memory).CopyTo(_memory.Row(MemoryColumn, row));
        _memory.Row(BeginColumn, row)[0] = begins ? (byte)1 : (byte)0;
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
        if (batch.ObservationSize != ObservationSize || batch.ActionSize != _actionSize || batch.MaskSize != _maskSize)
        {
            throw new ArgumentException(
                $"The batch takes observations of {batch.ObservationSize} values, actions of {batch.ActionSize} and masks of "
                    + $"{batch.MaskSize}; the buffer keeps {ObservationSize}, {_actionSize} and {_maskSize}.", nameof(batch));
        }
        if (Count < batch.Size)
            throw new InvalidOperationException(
                $"The buffer holds {Count} transitions; a batch takes {batch.Size}. Learn later (learning_starts) or from smaller "
                    + $"batches.");
        var largest = 0.0;
        for (var i = 0; i < batch.Size; i++)
        {
            // One draw from each of equal parts of the mass keeps batches balanced (Schaul et al. 2016, section 3.3).
            var row = _priorities is null
                ? random.NextInt32(Count)
                : _priorities.Find((i + random.NextDouble()) * _priorities.Total / batch.Size);
            Copy(row, batch, i);
            if (_hindsight?.IsDrawn(random) == true) Relabel(row, batch, i, random);
            if (_priorities is null) continue;
            var weight = Math.Pow(Count * _priorities[row] / _priorities.Total, -beta);
            batch.Weights[i] = (float)weight;
            largest = Math.Max(largest, weight);
        }
        if (_priorities is null) return;
        foreach (ref var weight in batch.Weights.AsSpan()) weight = (float)(weight / largest);
    }

    /// <summary>Draws stretches of steps that follow each other, evenly and with replacement, each of one copy.</summary>
    /// <param name="batch">Receives them, stretch after stretch.</param>
    /// <param name="stretches">Receives where episodes begin, and what was remembered before each stretch.</param>
    /// <param name="random">The draw.</param>
    /// <exception cref="InvalidOperationException">The buffer holds fewer rounds than a stretch has steps.</exception>
    internal void Sample(ReplayBatch batch, Stretches stretches, RandomStream random)
    {
        var oldest = Math.Max(0, Turns - _turns);
        var starts = (int)(Turns - oldest) - stretches.Steps + 1;
        if (starts < 1)
            throw new InvalidOperationException(
                $"The buffer holds {Turns - oldest} steps of each copy; a stretch takes {stretches.Steps}. Learn later (learning_starts).");
        for (var at = 0; at < batch.Size; at += stretches.Steps)
        {
            var start = random.NextInt32(starts * _copies);
            for (var t = 0; t < stretches.Steps; t++)
            {
                var row = ((int)((oldest + (start / _copies) + t) % _turns) * _copies) + (start % _copies);
                Copy(row, batch, at + t);
                stretches.Begins[at + t] = _memory.Row(BeginColumn, row)[0] != 0;
                if (t > 0) continue;
                var memory = MemoryMarshal.Cast<byte, float>(_memory.Row(MemoryColumn, row));
                memory.CopyTo(stretches.Memory.AsSpan(at / stretches.Steps * memory.Length));
            }
        }
    }

    /// <summary>Gives the drawn transitions new priorities: (|error| + epsilon)^alpha.</summary>
    /// <param name="batch">The batch that was drawn last.</param>
    /// <param name="errors">One error per transition.</param>
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
    public void Dispose()
    {
        _observations.Dispose();
        _memory.Dispose();
    }

    internal void Save(Snapshot state) => new ReplayState(this, _observations, _memory, _priorities).Save(state, Turns, _largest);

    internal void Load(Snapshot state)
    {
        var saved = new ReplayState(this, _observations, _memory, _priorities);
        (Turns, _largest) = ReplayState.IsOfOldLayout(state) ? saved.LoadOld(state, Restore) : saved.Load(state, _turns);
    }

    private void Restore(long turn, int copy, ReadOnlySpan<float> observation, ReadOnlySpan<float> next, int action, float reward, byte end)
    {
        Turns = turn;
        Add(copy, observation, action, new StepOutcome(reward, end == Terminated, end == Truncated), next);
    }

    private void Add(int copy, ReadOnlySpan<float> observation, ReadOnlySpan<byte> action, StepOutcome outcome, ReadOnlySpan<float> next,
        ReadOnlySpan<bool> mask, ReadOnlySpan<bool> nextMask)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)copy, (uint)_copies, nameof(copy));
        if (observation.Length != ObservationSize || next.Length != ObservationSize)
            throw new ArgumentException(
                $"Observations have {observation.Length} and {next.Length} values; the buffer keeps {ObservationSize}.",
                nameof(observation));
        if (action.Length != _actionSize * sizeof(float))
            throw new ArgumentException($"The action has {action.Length / sizeof(float)} values; the buffer keeps {_actionSize}.",
                nameof(action));
        if (_maskSize > 0 && mask.Length != _maskSize)
            throw new ArgumentException($"The mask has {mask.Length} entries; the buffer keeps {_maskSize}.", nameof(mask));
        var row = ((int)(Turns % _turns) * _copies) + copy;
        var previous = Turns == 0 ? Terminated : End(((int)((Turns - 1) % _turns) * _copies) + copy);
        _observations.Put(Turns, copy, observation, next, previous == Running, outcome.Ended);
        action.CopyTo(_memory.Row(ActionColumn, row));
        Reward(row) = (float)outcome.Reward;
        _memory.Row(EndColumn, row)[0] = outcome.Terminated ? Terminated : outcome.Truncated ? Truncated : Running;
        if (_maskSize > 0)
        {
            var masks = MemoryMarshal.Cast<byte, bool>(_memory.Row(MaskColumn, row));
            mask.CopyTo(masks);
            if (outcome.Terminated) masks[_maskSize..].Fill(true);
            else nextMask.CopyTo(masks[_maskSize..]);
        }
        if (_priorities is not null) _priorities[row] = _largest;
    }

    private byte End(int row) => _memory.Row(EndColumn, row)[0];

    private ref float Reward(int row) => ref MemoryMarshal.AsRef<float>(_memory.Row(RewardColumn, row));

    private void Copy(int row, ReplayBatch batch, int i)
    {
        var size = ObservationSize;
        var turn = TurnOf(row);
        _observations.Here(turn, row % _copies, batch.Observations.AsSpan(i * size, size));
        _memory.Row(ActionColumn, row).CopyTo(batch.ActionBytes(i));
        batch.Rows[i] = row;
        var at = row;
        double sum = Reward(row), discount = _gamma;
        for (var k = 1; k < _options.NStep && End(at) == Running && turn < Turns - 1; k++)
        {
            at += _copies;
            if (at >= Capacity) at -= Capacity;
            turn++;
            sum += discount * Reward(at);
            discount *= _gamma;
        }
        batch.Returns[i] = (float)sum;
        batch.Discounts[i] = End(at) == Terminated ? 0 : (float)discount;
        _observations.Next(turn, row % _copies, Turns - 1, batch.NextObservations.AsSpan(i * size, size));
        if (_maskSize == 0) return;
        MemoryMarshal.Cast<byte, bool>(_memory.Row(MaskColumn, row))[.._maskSize].CopyTo(batch.Masks.AsSpan(i * _maskSize));
        MemoryMarshal.Cast<byte, bool>(_memory.Row(MaskColumn, at))[_maskSize..].CopyTo(batch.NextMasks.AsSpan(i * _maskSize));
    }

    // Only transitions of the same episode are later ones, and among them the transition itself.
    private void Relabel(int row, ReplayBatch batch, int i, RandomStream random)
    {
        var (turn, last, at) = (TurnOf(row), TurnOf(row), row);
        for (; End(at) == Running && last < Turns - 1; last++)
        {
            at += _copies;
            if (at >= Capacity) at -= Capacity;
        }
        var hindsight = _hindsight!;
        _observations.Next(turn + random.NextInt64(0, last - turn + 1), row % _copies, Turns - 1, hindsight.Later);
        var here = batch.Observations.AsSpan(i * ObservationSize, ObservationSize);
        var next = batch.NextObservations.AsSpan(i * ObservationSize, ObservationSize);
        var outcome = hindsight.Judge(here, next, End(row) == Terminated);
        (batch.Returns[i], batch.Discounts[i]) = ((float)outcome.Reward, outcome.Terminated ? 0 : (float)_gamma);
    }

    // The newest turn that lies in the row's place.
    private long TurnOf(int row)
    {
        var last = Turns - 1;
        var back = (last - (row / _copies)) % _turns;
        return last - (back < 0 ? back + _turns : back);
    }
}
