using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// An encoder that remembers: a GRU over the observations of an episode. What it remembers stands beside the observation itself, so that
/// policy and critics see at once what needs no memory.
/// </summary>
internal sealed class MemoryEncoder : FeatureEncoder
{
    private readonly int _units;
    private readonly MemoryReader _online;
    private readonly MemoryReader _target;

    /// <summary>An encoder and a target that equals it.</summary>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="units">Units of the GRU.</param>
    /// <param name="device">Where libtorch computes.</param>
    /// <param name="rows">Rows of a batch that are learned from.</param>
    /// <param name="initial">The stream of the weights.</param>
    public MemoryEncoder(int observationSize, int units, string device, int rows, RandomStream initial)
        : this(new MemoryReader(observationSize, units), new MemoryReader(observationSize, units), observationSize, units, device, rows,
            initial)
    {
    }

    private MemoryEncoder(MemoryReader online, MemoryReader target, int observationSize, int units, string device, int rows,
        RandomStream initial)
        : base(online, target, observationSize, observationSize + units, device, rows, initial)
        => (_online, _target, _units) = (online, target, units);

    /// <inheritdoc/>
    protected override Tensor Read(Tensor observations, Span<float> memory)
    {
        if (memory.IsEmpty) return _online.call(observations);
        var (features, after) = _online.Step(observations, Remembered(memory));
        Copy(after, memory);
        return features;
    }

    /// <inheritdoc/>
    protected override Tensor ReadBatch(Tensor here, Tensor next, StretchBatch? stretches)
    {
        ArgumentNullException.ThrowIfNull(stretches);
        var (all, drawn) = (stretches.All, stretches.Stretches);
        var count = all.Size / drawn.Steps;
        var observations = Batch(all.Observations, all.Size).view(count, drawn.Steps, -1);
        var before = Remembered(drawn.Memory);
        var kept = tensor(Array.ConvertAll(drawn.Begins, begins => begins ? 0f : 1f), [count, drawn.Steps, 1], device: Device);
        var (features, after) = Learned(_online, observations, before, kept, stretches.BurnIn);
        using (no_grad())
        {
            // From the memory after a step to what followed it, whether the next row of the stretch or the last of an episode.
            Copy(_online.Step(next, after.flatten(0, 1)).Features, Next);
            after = Learned(_target, observations, before, kept, stretches.BurnIn).Memory;
            Copy(_target.Step(next, after.flatten(0, 1)).Features, NextByTarget);
        }
        return features;
    }

    // The steps before those that are learned from only bring up to date what was remembered when they were taken.
    private static (Tensor Features, Tensor Memory) Learned(MemoryReader reader, Tensor observations, Tensor before, Tensor kept,
        int burnIn)
    {
        if (burnIn > 0)
        {
            using var quiet = no_grad();
            before = reader.Unroll(observations.narrow(1, 0, burnIn), before, kept.narrow(1, 0, burnIn)).Memory.select(1, burnIn - 1);
        }
        var steps = kept.size(1) - burnIn;
        return reader.Unroll(observations.narrow(1, burnIn, steps), before, kept.narrow(1, burnIn, steps));
    }

    private Tensor Remembered(ReadOnlySpan<float> memory) => tensor(memory.ToArray(), [memory.Length / _units, _units], device: Device);
}

/// <summary>A GRU (Cho et al. 2014) whose memory is handed on behind the observation that it has just read.</summary>
internal sealed class MemoryReader : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    [ComponentName(Name = "memory")]
    private readonly GRUCell _cell;
    private readonly int _units;

    /// <summary>A reader of observations.</summary>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="units">Units of the GRU.</param>
    public MemoryReader(int observationSize, int units)
        : base(nameof(MemoryReader))
    {
        (_cell, _units) = (nn.GRUCell(observationSize, units), units);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public void DrawWeights(Generator? generator) => MemoryCell.Start(_cell, _units, generator);

    /// <summary>Rows that are the first of their episodes: [batch, observation] to [batch, observation + units].</summary>
    public override Tensor forward(Tensor observations)
    {
        using var scope = NewDisposeScope();
        return Step(observations, zeros(observations.size(0), _units, device: observations.device)).Features.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// One step: [batch, observation] and memory [batch, units] to [batch, observation + units] and the memory after it.
    /// </summary>
    public (Tensor Features, Tensor Memory) Step(Tensor observations, Tensor memory)
    {
        using var scope = NewDisposeScope();
        var after = _cell.call(observations, memory);
        return (cat([observations, after], 1).MoveToOuterDisposeScope(), after.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Stretches of time: observations [stretches, steps, observation], memory before them [stretches, units], 0 where it is forgotten
    /// before a step [stretches, steps, 1]; to [stretches * steps, observation + units] and the memory after each step
    /// [stretches, steps, units].
    /// </summary>
    public (Tensor Features, Tensor Memory) Unroll(Tensor observations, Tensor memory, Tensor kept)
    {
        using var scope = NewDisposeScope();
        var rows = observations.flatten(0, 1);
        var after = MemoryCell.Unroll(_cell, rows, memory, kept);
        return (cat([rows, after.flatten(0, 1)], 1).MoveToOuterDisposeScope(), after.MoveToOuterDisposeScope());
    }
}
