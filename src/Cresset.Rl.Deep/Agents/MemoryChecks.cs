using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Checks of options that agents with a replay share when they remember.</summary>
internal static class MemoryChecks
{
    /// <summary>Units of a memory, and how it learns from stretches.</summary>
    public static OptionChecks Remembering(this OptionChecks checks, int memory, ObservationEncoder encoder, ReplayOptions? replay,
        int batchSize, int sequenceSteps, int burnIn) => checks
        .Within(memory, 0, 65_536, field: nameof(DqnOptions.Memory))
        .Must(memory == 0 || encoder == ObservationEncoder.Mlp, memory, "0 beside encoder=conv", MemoryLimits.BehindConvolutions,
            nameof(DqnOptions.Memory))
        .Must(memory == 0 || replay is null or { NStep: 1, Prioritized: false, Hindsight: 0, Data: null }, memory,
            "0 beside replay.n_step, replay.prioritized, replay.hindsight or replay.data",
            "a memory learns from stretches of single steps as they were taken, drawn evenly", nameof(DqnOptions.Memory))
        .AtLeast(sequenceSteps, 1, field: nameof(DqnOptions.SequenceSteps))
        .AtLeast(burnIn, 0, field: nameof(DqnOptions.BurnIn))
        .Must(memory == 0 || sequenceSteps < 1 || batchSize % sequenceSteps == 0, batchSize,
            $"a multiple of sequence_steps ({sequenceSteps})", "A memory learns from whole stretches.", nameof(DqnOptions.BatchSize));

    /// <exception cref="ArgumentException">The buffer does not hold a stretch of each copy.</exception>
    public static void RefuseShortReplay(ReplayOptions options, int stepsOfACopy, int steps)
    {
        if (stepsOfACopy < steps)
            throw new ArgumentException(
                $"replay.capacity is {options.Capacity}: {stepsOfACopy} steps of each copy; a stretch of agent.burn_in + "
                    + $"agent.sequence_steps has {steps}.", nameof(options));
    }
}
