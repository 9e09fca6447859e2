using System.Globalization;
using System.Runtime.InteropServices;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// The random streams of the parts that a batch is computed in, one after the other in one process or side by side on several ranks. Each
/// part has its own, so that it draws the same wherever it is computed. A batch of one part has the run's streams.
/// </summary>
internal sealed class PartStreams : IDisposable
{
    private readonly ulong _seed;
    private readonly int _parts;
    private readonly ICommunicator _ranks;
    private readonly Generator[] _own;
    private readonly Tensor?[] _global;
    private readonly Generator _shared;

    /// <param name="seed">Seed of the run.</param>
    /// <param name="parts">Parts of a batch; this rank has those with numbers rank, rank + size, ...</param>
    /// <param name="ranks">The ranks.</param>
    public PartStreams(ulong seed, int parts, ICommunicator ranks)
    {
        (_seed, _parts, _ranks) = (seed, parts, ranks);
        _own = new Generator[parts / ranks.Size];
        _global = new Tensor?[_own.Length];
        for (var i = 0; i < _own.Length; i++) Begin(i, 0);
        _shared = parts == 1 ? _own[0] : Seeding.Generator(seed, "after-step");
    }

    /// <summary>The stream of what all ranks do alike after a step.</summary>
    public Generator Shared => _shared;

    /// <summary>The stream of an own part.</summary>
    public Generator Of(int own) => _own[own];

    /// <summary>Puts libtorch's global stream to that of an own part.</summary>
    public void Enter(int own)
    {
        if (_parts > 1 && _global[own] is { } state) RandomState.Restore(state);
    }

    /// <summary>Keeps where the part left it.</summary>
    public void Leave(int own)
    {
        if (_parts == 1) return;
        _global[own]?.Dispose();
        _global[own] = get_rng_state().DetachFromDisposeScope();
    }

    /// <summary>Puts the streams of all parts in; all ranks call it, since each knows its own alone.</summary>
    public void Save(Snapshot state)
    {
        if (_parts == 1)
        {
            using (var stream = get_rng_state()) state.Put("rng/global", stream);
            using var own = _own[0].get_state();
            state.Put("rng/training", own);
            return;
        }
        using var now = get_rng_state();
        var mine = new List<byte>();
        for (var i = 0; i < _own.Length; i++)
        {
            using var own = _own[i].get_state();
            mine.AddRange((_global[i] ?? now).bytes);
            mine.AddRange(own.bytes);
        }
        var all = _ranks.Gather(CollectionsMarshal.AsSpan(mine));
        var size = (int)now.numel();
        for (var part = 0; part < _parts; part++)
        {
            var bytes = all[part % _ranks.Size].AsSpan(part / _ranks.Size * 2 * size, 2 * size);
            state.PutBytes($"{Name(part)}global", bytes[..size]);
            state.PutBytes($"{Name(part)}training", bytes[size..]);
        }
        using var shared = _shared.get_state();
        state.Put("rng/after-step", shared);
    }

    /// <summary>Takes up the streams of the own parts; those that were not saved, since there were fewer parts, begin anew.</summary>
    /// <param name="state">What <see cref="Save"/> put in, with the same or another number of parts.</param>
    /// <param name="step">The step that it goes on from.</param>
    /// <exception cref="ArgumentException">These are not streams.</exception>
    /// <exception cref="InvalidDataException">The first part's are missing.</exception>
    public void Load(Snapshot state, int step)
    {
        // Streams of parts that there are no longer count as read.
        state.Under("rng/");
        if (_parts > 1 && state.Has("rng/after-step")) _shared.Restore(state.Tensor("rng/after-step").clone());
        for (var i = 0; i < _own.Length; i++)
        {
            var part = _ranks.Rank + (i * _ranks.Size);
            if (part > 0 && !state.Has($"{Name(part)}training"))
            {
                Begin(i, step);
                continue;
            }
            var global = state.Tensor($"{Name(part)}global").clone();
            if (_parts == 1) RandomState.Restore(global);
            else Keep(i, global);
            _own[i].Restore(state.Tensor($"{Name(part)}training").clone());
        }
    }

    public void Dispose()
    {
        foreach (var generator in _own.Append(_shared).Distinct()) generator.Dispose();
        foreach (var state in _global) state?.Dispose();
    }

    private static string Name(int part) => part == 0 ? "rng/" : string.Create(CultureInfo.InvariantCulture, $"rng/part-{part}/");

    private void Keep(int own, Tensor state)
    {
        _global[own]?.Dispose();
        _global[own] = state.DetachFromDisposeScope();
    }

    private void Begin(int own, int step)
    {
        var part = _ranks.Rank + (own * _ranks.Size);
        var number = string.Create(CultureInfo.InvariantCulture, $"{part}{(step > 0 ? $"/{step}" : "")}");
        var fresh = Seeding.Generator(_seed, part == 0 ? "training" : $"training/{number}");
        ((Generator?)_own[own])?.Dispose();
        _own[own] = fresh;
        // The first part's global stream is the process's own, which the initial weights were drawn from.
        if (part == 0) return;
        using var global = Seeding.Generator(_seed, $"global/{number}");
        Keep(own, global.get_state());
    }
}
