using System.Runtime.InteropServices;
using Cresset.Distributed;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>
/// Copies of an environment that are stepped by several ranks, each its own share, and seen by all of them: every rank then learns the same
/// from the same, so that weights have the bits of one process. Worth it where a step of the world costs more than a message.
/// </summary>
/// <typeparam name="TAction">int for choices, float for continuous actions.</typeparam>
internal sealed class RankedEnvironments<TAction> : VectorEnvironment<float, TAction>, IDisposable
    where TAction : unmanaged
{
    private readonly ICommunicator _ranks;
    private readonly SyncVectorEnvironment<float, TAction> _own;
    private readonly Func<IEnvironment<float, TAction>> _make;
    private readonly int _first;
    private readonly List<int> _lost = [];
    private readonly double[] _rawRewards;
    private readonly MemoryStream _message = new();

    /// <param name="ranks">All processes.</param>
    /// <param name="count">Copies over all of them.</param>
    /// <param name="make">Makes a copy.</param>
    /// <exception cref="ArgumentException">The copies cannot be shared out, or share what a rank cannot see.</exception>
    public RankedEnvironments(ICommunicator ranks, int count, Func<IEnvironment<float, TAction>> make)
        : this(ranks, count, make, Share(ranks, count, make))
    {
    }

    private RankedEnvironments(ICommunicator ranks, int count, Func<IEnvironment<float, TAction>> make,
        SyncVectorEnvironment<float, TAction> own)
        : base(count, own.SingleObservationSpace, own.SingleActionSpace, AutoresetMode.SameStep)
    {
        (_ranks, _make, _own, _first) = (ranks, make, own, FirstOf(ranks.Rank, ranks.Size, count));
        _rawRewards = new double[count];
        if (own.Masks.IsEmpty) return;
        MaskArray = new bool[count * MaskSize];
        FinalMaskArray = new bool[count * MaskSize];
    }

    public override ReadOnlySpan<double> RawRewards => _rawRewards;

    public override IReadOnlyList<int> Lost => _lost;

    public override IGoalEnvironment? Goals => _own.Goals;

    public override double? RewardThreshold => _own.RewardThreshold;

    public override void Reset(ulong? seed = null)
    {
        _own.Reset(seed is { } s ? s + (ulong)_first : null);
        Exchange();
    }

    public override void Step(ReadOnlySpan<TAction> actions)
    {
        var width = SingleActionSpace.Size;
        _own.Step(actions.Slice(_first * width, _own.Count * width));
        Exchange();
    }

    // As one process writes it: the copies in order, then what was seen last.
    public override void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        using var own = new MemoryStream();
        using (var part = new BinaryWriter(own, System.Text.Encoding.UTF8, leaveOpen: true)) _own.Save(part);
        // The end of each part is what its copies saw, which comes last for all of them together.
        var seen = _own.Observations.Length * sizeof(float);
        foreach (var states in _ranks.Gather(own.GetBuffer().AsSpan(0, (int)own.Length - seen))) writer.Write(states);
        writer.Write(MemoryMarshal.AsBytes(Observations));
    }

    // Only a copy knows where its state ends: those of other ranks are read into one that is thrown away.
    public override void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        using var own = new MemoryStream();
        var other = _ranks.Size > 1 ? _make() : null;
        try
        {
            for (var copy = 0; copy < Count; copy++)
            {
                var start = reader.BaseStream.Position;
                (copy >= _first && copy < _first + _own.Count ? _own.Copies[copy - _first] : other!).Load(reader);
                reader.ReadBoolean();
                if (copy < _first || copy >= _first + _own.Count) continue;
                var bytes = new byte[reader.BaseStream.Position - start];
                reader.BaseStream.Position = start;
                reader.BaseStream.ReadExactly(bytes);
                own.Write(bytes);
            }
        }
        finally
        {
            other?.End();
        }
        var seen = new byte[Count * SingleObservationSpace.Size * sizeof(float)];
        reader.BaseStream.ReadExactly(seen);
        var row = SingleObservationSpace.Size * sizeof(float);
        own.Write(seen, _first * row, _own.Count * row);
        own.Position = 0;
        using (var part = new BinaryReader(own)) _own.Load(part);
        Exchange();
        _lost.Clear();
        var lost = new byte[Count];
        foreach (var copy in _own.Lost) lost[_first + copy] = 1;
        foreach (var part in _ranks.Gather(lost))
        {
            for (var copy = 0; copy < Count; copy++)
            {
                if (part[copy] == 1) _lost.Add(copy);
            }
        }
    }

    public void Dispose()
    {
        _own.Dispose();
        _message.Dispose();
    }

    private static int FirstOf(int rank, int size, int count) => (int)((long)rank * count / size);

    private static SyncVectorEnvironment<float, TAction> Share(ICommunicator ranks, int count, Func<IEnvironment<float, TAction>> make)
    {
        if (count < ranks.Size)
            throw new ArgumentException(
                $"training.environments is {count}: each of the {ranks.Size} ranks steps one copy at least. Set "
                    + $"training.environments={ranks.Size} or more, or start fewer ranks.", nameof(count));
        var own = FirstOf(ranks.Rank + 1, ranks.Size, count) - FirstOf(ranks.Rank, ranks.Size, count);
        var copies = new SyncVectorEnvironment<float, TAction>(own, make, AutoresetMode.SameStep);
        if (WrapperChain.MomentsOf(copies.Copies[0]).Count == 0) return copies;
        copies.Dispose();
        throw new ArgumentException(
            "The copies share running moments (normalize-observation, normalize-reward), which ranks cannot: leave the wrapper out, or "
                + "start one process.", nameof(make));
    }

    // Rewards, ends, observations, masks of this rank's copies, to all.
    private void Exchange()
    {
        _message.SetLength(0);
        Write(_own.Rewards);
        Write(_own.RawRewards);
        Write(_own.Terminated);
        Write(_own.Truncated);
        Write(_own.Observations);
        Write(_own.FinalObservations);
        Write(_own.Masks);
        Write(_own.FinalMasks);
        var parts = _ranks.Gather(_message.GetBuffer().AsSpan(0, (int)_message.Length));
        for (var rank = 0; rank < parts.Count; rank++)
        {
            var (first, last) = (FirstOf(rank, _ranks.Size, Count), FirstOf(rank + 1, _ranks.Size, Count));
            var rest = parts[rank].AsSpan();
            Read(ref rest, RewardArray.AsSpan(first..last));
            Read(ref rest, _rawRewards.AsSpan(first..last));
            Read(ref rest, TerminatedArray.AsSpan(first..last));
            Read(ref rest, TruncatedArray.AsSpan(first..last));
            var size = SingleObservationSpace.Size;
            Read(ref rest, ObservationArray.AsSpan((first * size)..(last * size)));
            Read(ref rest, FinalArray.AsSpan((first * size)..(last * size)));
            if (MaskArray.Length == 0) continue;
            Read(ref rest, MaskArray.AsSpan((first * MaskSize)..(last * MaskSize)));
            Read(ref rest, FinalMaskArray.AsSpan((first * MaskSize)..(last * MaskSize)));
        }
    }

    private void Write<T>(ReadOnlySpan<T> values)
        where T : unmanaged
        => _message.Write(MemoryMarshal.AsBytes(values));

    private static void Read<T>(ref Span<byte> rest, Span<T> to)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(to);
        rest[..bytes.Length].CopyTo(bytes);
        rest = rest[bytes.Length..];
    }
}
