using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>How agents with single choices live: they act in every copy and keep what came of it beside what they remembered.</summary>
/// <param name="environments">The copies.</param>
/// <param name="replay">Where transitions are kept.</param>
/// <param name="maskSize">Entries of a mask; 0 where there is none.</param>
/// <param name="memorySize">Values that a copy remembers; 0 for none.</param>
internal sealed class ChoiceSteps(VectorEnvironment<float, int> environments, ReplayBuffer replay, int maskSize, int memorySize)
{
    private readonly int _start = Rollouts.ActionsOf(environments).Start;
    private readonly int _count = Rollouts.ActionsOf(environments).Count;
    private readonly float[] _before = new float[environments.Count * replay.ObservationSize];
    private readonly bool[] _masks = new bool[environments.Count * maskSize];
    private readonly int[] _taken = new int[environments.Count];
    private readonly float[] _remembered = new float[environments.Count * memorySize];

    /// <summary>What is chosen in each copy, from 0.</summary>
    public int[] Actions { get; } = new int[environments.Count];

    /// <summary>What each copy remembers.</summary>
    public CopyMemories Memories { get; } = new(environments.Count, memorySize);

    /// <summary>Which actions are allowed in a copy; empty where all are.</summary>
    public ReadOnlySpan<bool> Mask(int copy) => Rollouts.Row(environments.Masks, copy, maskSize);

    /// <summary>Any allowed action of a copy.</summary>
    public int Random(int copy, RandomStream random) => Rollouts.Random(random, _count, Mask(copy));

    /// <summary>What is remembered now goes with the next transitions; to be called before the copies are looked at.</summary>
    public void KeepMemories() => Memories.Values.CopyTo(_remembered, 0);

    /// <summary>Takes the chosen actions and keeps what came of them; returns the step after them.</summary>
    public long Take(long step, EpisodeTracker episodes)
    {
        var size = replay.ObservationSize;
        environments.Observations.CopyTo(_before);
        environments.Masks.CopyTo(_masks);
        for (var i = 0; i < _taken.Length; i++) _taken[i] = Actions[i] + _start;
        environments.Step(_taken);
        for (var i = 0; i < environments.Count; i++)
        {
            step++;
            var outcome = new StepOutcome(environments.Rewards[i], environments.Terminated[i], environments.Truncated[i]);
            var next = (outcome.Ended ? environments.FinalObservations : environments.Observations).Slice(i * size, size);
            var nextMasks = outcome.Ended ? environments.FinalMasks : environments.Masks;
            if (memorySize > 0) replay.Remember(i, _remembered.AsSpan(i * memorySize, memorySize), Memories.Begins(i));
            Memories.Stepped(i, outcome.Ended);
            replay.Add(i, _before.AsSpan(i * size, size), Actions[i], outcome, next, Rollouts.Row(_masks, i, maskSize),
                Rollouts.Row(nextMasks, i, maskSize));
            episodes.Add(i, step, environments.RawRewards[i], outcome.Ended);
        }
        replay.EndTurn();
        return step;
    }
}
