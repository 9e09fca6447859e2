using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>What agents share that learn a policy from a replay buffer.</summary>
public abstract record OffPolicyOptions : IOptionsRecord
{
    /// <summary>
    /// What reads the observation; convolutions and encoders of your own go through libtorch. One encoder serves policy and critics, and
    /// the critics' loss teaches it.
    /// </summary>
    public ObservationEncoder Encoder { get; init; }

    /// <summary>
    /// Units of a GRU that reads the observations of an episode, for worlds that do not show everything; policy and critics see what it
    /// remembers beside the observation itself. 0 for none. It is an encoder like those of pictures (one for all, taught by the critics'
    /// loss), and learns from stretches of steps.
    /// </summary>
    public int Memory { get; init; }

    /// <summary>Steps of a stretch that a memory learns from; it looks back as many. A batch has batch_size / sequence_steps of
    /// them.</summary>
    public int SequenceSteps { get; init; } = 16;

    /// <summary>
    /// Steps before each stretch that only bring the memory up to date (Kapturowski et al. 2019). It begins with what was remembered when
    /// they were taken.
    /// </summary>
    public int BurnIn { get; init; } = 8;

    /// <summary>
    /// Where libtorch computes: "auto" (a GPU when there is one), "cpu", "cuda" or "cuda:N". All but encoder and memory is on the
    /// processor.
    /// </summary>
    public string Device { get; init; } = "auto";

    /// <summary>Units of the hidden layers of policy and critics, with ReLU.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [256, 256];

    /// <summary>How experience is kept and drawn.</summary>
    public ReplayOptions Replay { get; init; } = new() { Capacity = 1_000_000 };

    /// <summary>Discount, in [0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <summary>Transitions an update.</summary>
    public int BatchSize { get; init; } = 256;

    /// <summary>Environment steps before the first update; actions are uniformly random until then.</summary>
    public int LearningStarts { get; init; } = 100;

    /// <summary>Environment steps between trainings.</summary>
    public int TrainEvery { get; init; } = 1;

    /// <summary>Updates a training.</summary>
    public int UpdatesPerTraining { get; init; } = 1;

    /// <summary>Share of the networks that their targets take over after an update.</summary>
    public double TargetShare { get; init; } = 0.005;

    /// <summary>Learning rate of Adam by environment step.</summary>
    public StepSizeRule LearningRate { get; init; } = StepSizeRule.Constant(3e-4);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Encoder)
        .Remembering(Memory, Encoder, Replay, BatchSize, SequenceSteps, BurnIn)
        .Must(ComputeDevice.IsName(Device, out _), Device, ComputeDevice.Names, field: nameof(Device))
        .Must(Hidden is not null && Hidden.All(h => h is >= 1 and <= 65_536), Hidden is null ? null : string.Join(", ", Hidden),
            "positive widths", "for example 256,256", nameof(Hidden))
        .Must(Replay is { Prioritized: false }, Replay?.Prioritized, "false: these agents draw evenly",
            field: $"{nameof(Replay)}.{nameof(ReplayOptions.Prioritized)}")
        .Nested(Replay)
        .Within(Gamma, 0, 1)
        .AtLeast(BatchSize, 1)
        .Must(Replay is null || BatchSize <= Replay.Capacity, BatchSize, $"at most replay.capacity ({Replay?.Capacity})",
            "A batch cannot hold more transitions than the buffer keeps.", nameof(BatchSize))
        .AtLeast(LearningStarts, 0)
        .AtLeast(TrainEvery, 1)
        .AtLeast(UpdatesPerTraining, 1)
        .Within(TargetShare, 0, 1, includeMin: false)
        .Must(LearningRate is not null, LearningRate, "a rule", field: nameof(LearningRate))
        .Nested(LearningRate);
}
