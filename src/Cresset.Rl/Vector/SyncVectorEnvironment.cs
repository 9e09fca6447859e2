namespace Cresset.Rl;

/// <summary>
/// Copies of any environment stepped one after the other, or shared among threads with the same results. A seed s gives copy i the seed s +
/// i. Gymnasium's <c>SyncVectorEnv</c> with its three autoreset modes. Copies with running moments
/// (<see cref="NormalizeObservation{TAction}"/>, <see cref="NormalizeReward{TObservation,TAction}"/>) share one set: in a step all are
/// scaled by the moments before it, and what they saw is taken in afterwards in the order of the copies. Copies in other processes
/// (<see cref="ProcessSource"/>) are always stepped at once.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class SyncVectorEnvironment<TObservation, TAction> : VectorEnvironment<TObservation, TAction>, IDisposable
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly IEnvironment<TObservation, TAction>[] _copies;
    private readonly bool[] _ended;
    private readonly int _size;
    private readonly int _actionSize;
    private readonly int _threads;
    private readonly IMomentsWrapper[][] _moments;
    private readonly NormalizeReward<TObservation, TAction>?[] _scaled;
    private readonly double[] _rawRewards;
    private readonly IActionMask[]? _masks;
    private readonly List<int> _lost = [];
    private readonly CopyThreads? _waiting;
    private TAction[]? _actions;

    /// <summary>Joins <paramref name="copies"/>, which must all be separate objects with equal spaces.</summary>
    /// <param name="copies">The environments.</param>
    /// <param name="autoreset">When ended copies are reset.</param>
    /// <param name="threads">Number of threads to share the copies among; worth it only for costly environments.</param>
    /// <exception cref="ArgumentException">There are no copies, the same object comes twice, or spaces or wrappers with moments
    /// differ.</exception>
    public SyncVectorEnvironment(IReadOnlyList<IEnvironment<TObservation, TAction>> copies,
        AutoresetMode autoreset = AutoresetMode.NextStep, int threads = 1)
        : base(copies.Count, Check(copies).ObservationSpace, copies[0].ActionSpace, autoreset)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        _copies = [.. copies];
        _ended = new bool[copies.Count];
        _size = SingleObservationSpace.Size;
        _actionSize = SingleActionSpace.Size;
        _threads = threads;
        _moments = ShareMoments(_copies);
        _scaled = [.. _copies.Select(c => WrapperChain.Of(c).OfType<NormalizeReward<TObservation, TAction>>().LastOrDefault())];
        _rawRewards = _scaled[0] is null ? RewardArray : new double[Count];
        _masks = ActionMasks.Of(_copies[0]) is null ? null : [.. _copies.Select(c => (IActionMask)c)];
        // Copies that wait on other processes cost no processor meanwhile: each has a thread.
        if (Count > 1 && _copies.All(c => c.Unwrapped is IServedEnvironment))
            _waiting = new CopyThreads(Count, i => StepCopy(i, _actions.AsSpan(i * _actionSize, _actionSize)));
        if (_masks is null) return;
        MaskArray = new bool[Count * MaskSize];
        FinalMaskArray = autoreset == AutoresetMode.SameStep ? new bool[MaskArray.Length] : [];
    }

    /// <summary><paramref name="count"/> copies made by <paramref name="make"/>.</summary>
    public SyncVectorEnvironment(int count, Func<IEnvironment<TObservation, TAction>> make,
        AutoresetMode autoreset = AutoresetMode.NextStep, int threads = 1)
        : this(MakeAll(count, make), autoreset, threads)
    {
    }

    /// <summary>The copies.</summary>
    public IReadOnlyList<IEnvironment<TObservation, TAction>> Copies => _copies;

    /// <inheritdoc/>
    public override ReadOnlySpan<double> RawRewards => _rawRewards;

    /// <inheritdoc/>
    public override IReadOnlyList<RunningMoments> Moments => [.. _moments[0].Where(m => m.ScalesObservations).Select(m => m.Moments)];

    /// <inheritdoc/>
    public override IReadOnlyList<int> Lost => _lost;

    /// <inheritdoc/>
    public override IGoalEnvironment? Goals =>
        WrapperChain.Of(_copies[0]).All(KeepsGoals) ? _copies[0].Unwrapped as IGoalEnvironment : null;

    /// <inheritdoc/>
    public override double? RewardThreshold => _copies[0].RewardThreshold;

    /// <inheritdoc/>
    public override void Reset(ulong? seed = null)
    {
        for (var i = 0; i < Count; i++) ResetCopy(i, seed is { } s ? s + (ulong)i : null);
    }

    /// <summary>Starts an episode in every copy, each with its own seed.</summary>
    /// <exception cref="ArgumentException">There is not one seed per copy.</exception>
    public void Reset(ReadOnlySpan<ulong> seeds)
    {
        if (seeds.Length != Count) throw new ArgumentException($"{seeds.Length} seeds were given for {Count} copies.", nameof(seeds));
        for (var i = 0; i < Count; i++) ResetCopy(i, seeds[i]);
    }

    /// <summary>Starts an episode in the copies whose entry in <paramref name="mask"/> is true.</summary>
    /// <exception cref="ArgumentException">There is not one entry per copy, or none is true.</exception>
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
        if (actions.Length != Count * _actionSize)
            throw new ArgumentException($"{actions.Length} action values were given; {Count} copies take {_actionSize} each.",
                nameof(actions));
        Defer(true);
        if (_threads == 1 && _waiting is null)
        {
            for (var i = 0; i < Count; i++) StepCopy(i, actions.Slice(i * _actionSize, _actionSize));
        }
        else
        {
            var shared = _actions ??= new TAction[Count * _actionSize];
            actions.CopyTo(shared);
            if (_waiting is not null) _waiting.Run();
            else StepTogether(shared);
        }
        Defer(false);
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
        _lost.Clear();
        for (var i = 0; i < Count; i++)
        {
            if (_copies[i].SavesState) continue;
            ResetCopy(i, null);
            _lost.Add(i);
        }
        for (var i = 0; i < Count; i++) WriteMask(i, MaskArray);
    }

    /// <summary>Ends the copies that live in other processes; others are left as they are.</summary>
    public void Dispose()
    {
        _waiting?.Dispose();
        foreach (var copy in _copies) copy.End();
    }

    private static bool KeepsGoals(IEnvironment layer)
        => layer is not IWrapper or TimeLimit<TObservation, TAction> or RecordEpisodeStatistics<TObservation, TAction>
            or EnvironmentChecker<TObservation, TAction>
            or RecordFrames<TObservation, TAction> or RescaleAction<TObservation> or ClipAction<TObservation>;

    private static IEnvironment<TObservation, TAction>[] MakeAll(int count, Func<IEnvironment<TObservation, TAction>> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var copies = new IEnvironment<TObservation, TAction>[count];
        try
        {
            copies[0] = make();
            // Programs take a while to start; they can do so side by side.
            if (copies[0].Unwrapped is IServedEnvironment)
                Parallel.For(1, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => copies[i] = make());
            else for (var i = 1; i < count; i++) copies[i] = make();
            return copies;
        }
        catch (Exception e)
        {
            foreach (var copy in copies) copy?.End();
            if (e is not AggregateException { InnerExceptions: [var first, ..] }) throw;
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            throw;
        }
    }

    private static IEnvironment<TObservation, TAction> Check(IReadOnlyList<IEnvironment<TObservation, TAction>> copies)
    {
        if (copies.Count == 0) throw new ArgumentException("A vector environment needs at least one copy.", nameof(copies));
        if (copies.Distinct(ReferenceEqualityComparer.Instance).Count() != copies.Count)
            throw new ArgumentException("The same environment object comes twice; make a new one for each copy.", nameof(copies));
        foreach (var copy in copies)
        {
            if (copy.ObservationSpace.Size != copies[0].ObservationSpace.Size || copy.ActionSpace.Size != copies[0].ActionSpace.Size)
            {
                throw new ArgumentException(
                    $"{copy.Name} has other spaces than {copies[0].Name}: {copy.ObservationSpace} against {copies[0].ObservationSpace}.",
                    nameof(copies));
            }
            if (ActionMasks.SizeOf(copy.ActionSpace) != ActionMasks.SizeOf(copies[0].ActionSpace)
                || ActionMasks.Of(copy) is null != ActionMasks.Of(copies[0]) is null)
            {
                throw new ArgumentException(
                    $"{copy.Name} has other actions or masks than {copies[0].Name}: {copy.ActionSpace} against {copies[0].ActionSpace}.",
                    nameof(copies));
            }
        }
        return copies[0];
    }

    private static IMomentsWrapper[][] ShareMoments(IEnvironment<TObservation, TAction>[] copies)
    {
        var all = copies.Select(c => WrapperChain.MomentsOf(c).ToArray()).ToArray();
        foreach (var wrappers in all)
        {
            if (wrappers.Length != all[0].Length)
                throw new ArgumentException(
                    $"The copies have {all[0].Length} and {wrappers.Length} wrappers with running moments; make all of them alike, so that "
                        + $"they can share the moments.", nameof(copies));
            for (var k = 0; k < wrappers.Length; k++) wrappers[k].Moments = all[0][k].Moments;
        }
        return all;
    }

    // A single copy scales by moments that know the newest row already, as Gymnasium's wrappers do.
    private void Defer(bool wait)
    {
        if (Count == 1) return;
        foreach (var wrappers in _moments)
        {
            foreach (var wrapper in wrappers)
            {
                wrapper.IsDeferred = wait;
                if (!wait) wrapper.Commit();
            }
        }
    }

    private void StepTogether(TAction[] actions)
    {
        try
        {
            Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = _threads },
                i => StepCopy(i, actions.AsSpan(i * _actionSize, _actionSize)));
        }
        catch (AggregateException e)
        {
            // One thread would have thrown what went wrong, not a parcel of it.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private void WriteMask(int i, bool[] masks)
    {
        if (_masks is null) return;
        var mask = masks.AsSpan(i * MaskSize, MaskSize);
        _masks[i].WriteActionMask(mask);
        if (!mask.Contains(true))
            throw new EnvironmentContractException(
                $"{_copies[i].Name}: the mask of copy {i} allows no action. A state without actions has to end the episode.");
    }

    private void ResetCopy(int i, ulong? seed)
    {
        _copies[i].Reset(ObservationArray.AsSpan(i * _size, _size), seed);
        _ended[i] = TerminatedArray[i] = TruncatedArray[i] = IsResetArray[i] = false;
        WriteMask(i, MaskArray);
    }

    private void StepCopy(int i, ReadOnlySpan<TAction> action)
    {
        var observation = ObservationArray.AsSpan(i * _size, _size);
        if (_ended[i])
        {
            if (Autoreset == AutoresetMode.Disabled)
                throw new InvalidOperationException($"Copy {i} has ended: reset it by mask before the next step.");
            _copies[i].Reset(observation);
            RewardArray[i] = _rawRewards[i] = 0;
            WriteMask(i, MaskArray);
            _ended[i] = TerminatedArray[i] = TruncatedArray[i] = false;
            IsResetArray[i] = true;
            return;
        }
        var outcome = _copies[i].Step(action, observation);
        RewardArray[i] = outcome.Reward;
        if (_scaled[i] is { } scaled) _rawRewards[i] = scaled.RawReward;
        TerminatedArray[i] = outcome.Terminated;
        TruncatedArray[i] = outcome.Truncated;
        IsResetArray[i] = false;
        if (!outcome.Ended)
        {
            WriteMask(i, MaskArray);
            return;
        }
        if (Autoreset == AutoresetMode.SameStep)
        {
            observation.CopyTo(FinalArray.AsSpan(i * _size, _size));
            // A state that ends the task may have no actions; one that was cut still has a value, and with it a mask.
            if (!outcome.Terminated) WriteMask(i, FinalMaskArray);
            _copies[i].Reset(observation);
            WriteMask(i, MaskArray);
        }
        else
        {
            _ended[i] = true;
        }
    }
}
