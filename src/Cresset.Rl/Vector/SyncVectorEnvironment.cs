namespace Cresset.Rl;

/// <summary>
/// Copies of any environment stepped one after the other, or shared among threads with the same results. A seed s gives copy i the
/// seed s + i. Gymnasium's <c>SyncVectorEnv</c> with its three autoreset modes.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class SyncVectorEnvironment<TObservation, TAction> : VectorEnvironment<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly IEnvironment<TObservation, TAction>[] _copies;
    private readonly bool[] _ended;
    private readonly int _size;
    private readonly int _actionSize;
    private readonly int _threads;
    private TAction[]? _actions;

    /// <summary>Joins <paramref name="copies"/>, which must all be separate objects with equal spaces.</summary>
    /// <param name="copies">The environments.</param>
    /// <param name="autoreset">When ended copies are reset.</param>
    /// <param name="threads">Number of threads to share the copies among; worth it only for costly environments.</param>
    /// <exception cref="ArgumentException">There are no copies, the same object comes twice, or sizes differ.</exception>
    public SyncVectorEnvironment(IReadOnlyList<IEnvironment<TObservation, TAction>> copies, AutoresetMode autoreset = AutoresetMode.NextStep, int threads = 1)
        : base(copies.Count, Check(copies).ObservationSpace, copies[0].ActionSpace, autoreset)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        _copies = [.. copies];
        _ended = new bool[copies.Count];
        _size = SingleObservationSpace.Size;
        _actionSize = SingleActionSpace.Size;
        _threads = threads;
    }

    /// <summary><paramref name="count"/> copies made by <paramref name="make"/>.</summary>
    public SyncVectorEnvironment(int count, Func<IEnvironment<TObservation, TAction>> make, AutoresetMode autoreset = AutoresetMode.NextStep, int threads = 1)
        : this([.. Enumerable.Range(0, count).Select(_ => make())], autoreset, threads)
    {
    }

    /// <summary>The copies.</summary>
    public IReadOnlyList<IEnvironment<TObservation, TAction>> Copies => _copies;

    /// <inheritdoc/>
    public override void Reset(ulong? seed = null)
    {
        for (var i = 0; i < Count; i++) ResetCopy(i, seed is { } s ? s + (ulong)i : null);
    }

    /// <summary>Starts an episode in every copy, each with its own seed.</summary>
    /// <exception cref="ArgumentException">There is not one seed a copy.</exception>
    public void Reset(ReadOnlySpan<ulong> seeds)
    {
        if (seeds.Length != Count) throw new ArgumentException($"{seeds.Length} seeds were given for {Count} copies.", nameof(seeds));
        for (var i = 0; i < Count; i++) ResetCopy(i, seeds[i]);
    }

    /// <summary>Starts an episode in the copies whose entry in <paramref name="mask"/> is true.</summary>
    /// <exception cref="ArgumentException">There is not one entry a copy, or none is true.</exception>
    public void Reset(ReadOnlySpan<bool> mask, ulong? seed = null)
    {
        if (mask.Length != Count) throw new ArgumentException($"The mask has {mask.Length} entries for {Count} copies.", nameof(mask));
        if (!mask.Contains(true)) throw new ArgumentException("No entry of the mask is true.", nameof(mask));
        for (var i = 0; i < Count; i++)
        {
            if (mask[i]) ResetCopy(i, seed is { } s ? s + (ulong)i : null);
        }
    }

    /// <inheritdoc/>
    public override void Step(ReadOnlySpan<TAction> actions)
    {
        if (actions.Length != Count * _actionSize) throw new ArgumentException($"{actions.Length} action values were given; {Count} copies take {_actionSize} each.", nameof(actions));
        if (_threads == 1)
        {
            for (var i = 0; i < Count; i++) StepCopy(i, actions.Slice(i * _actionSize, _actionSize));
            return;
        }
        var shared = _actions ??= new TAction[Count * _actionSize];
        actions.CopyTo(shared);
        Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = _threads }, i => StepCopy(i, shared.AsSpan(i * _actionSize, _actionSize)));
    }

    /// <inheritdoc/>
    public override void Save(BinaryWriter writer)
    {
        for (var i = 0; i < Count; i++)
        {
            _copies[i].Save(writer);
            writer.Write(_ended[i]);
        }
        writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(Observations));
    }

    /// <inheritdoc/>
    public override void Load(BinaryReader reader)
    {
        for (var i = 0; i < Count; i++)
        {
            _copies[i].Load(reader);
            _ended[i] = reader.ReadBoolean();
        }
        reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(ObservationArray.AsSpan()));
    }

    private static IEnvironment<TObservation, TAction> Check(IReadOnlyList<IEnvironment<TObservation, TAction>> copies)
    {
        if (copies.Count == 0) throw new ArgumentException("A vector environment needs at least one copy.", nameof(copies));
        if (copies.Distinct(ReferenceEqualityComparer.Instance).Count() != copies.Count) throw new ArgumentException("The same environment object comes twice; make a new one for each copy.", nameof(copies));
        foreach (var copy in copies)
        {
            if (copy.ObservationSpace.Size != copies[0].ObservationSpace.Size || copy.ActionSpace.Size != copies[0].ActionSpace.Size)
            {
                throw new ArgumentException($"{copy.Name} has other spaces than {copies[0].Name}: {copy.ObservationSpace} against {copies[0].ObservationSpace}.", nameof(copies));
            }
        }
        return copies[0];
    }

    private void ResetCopy(int i, ulong? seed)
    {
        _copies[i].Reset(ObservationArray.AsSpan(i * _size, _size), seed);
        _ended[i] = TerminatedArray[i] = TruncatedArray[i] = IsResetArray[i] = false;
    }

    private void StepCopy(int i, ReadOnlySpan<TAction> action)
    {
        var observation = ObservationArray.AsSpan(i * _size, _size);
        if (_ended[i])
        {
            if (Autoreset == AutoresetMode.Disabled) throw new InvalidOperationException($"Copy {i} has ended: reset it by mask before the next step.");
            _copies[i].Reset(observation);
            RewardArray[i] = 0;
            _ended[i] = TerminatedArray[i] = TruncatedArray[i] = false;
            IsResetArray[i] = true;
            return;
        }
        var outcome = _copies[i].Step(action, observation);
        RewardArray[i] = outcome.Reward;
        TerminatedArray[i] = outcome.Terminated;
        TruncatedArray[i] = outcome.Truncated;
        IsResetArray[i] = false;
        if (!outcome.Ended) return;
        if (Autoreset == AutoresetMode.SameStep)
        {
            observation.CopyTo(FinalArray.AsSpan(i * _size, _size));
            _copies[i].Reset(observation);
        }
        else
        {
            _ended[i] = true;
        }
    }
}
