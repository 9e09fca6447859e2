using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>What a network says about the return of an action.</summary>
public enum ValueKind
{
    /// <summary>Its mean (DQN).</summary>
    Mean,

    /// <summary>Probabilities of fixed atoms (C51).</summary>
    Categorical,

    /// <summary>Evenly spaced quantiles (QR-DQN).</summary>
    Quantile,

    /// <summary>Any quantile that is asked for (IQN).</summary>
    Implicit,
}

/// <summary>What carries the network.</summary>
public enum NetworkBackend
{
    /// <summary>Native where it can be and pays (fully connected, up to 512 units a layer), else libtorch.</summary>
    Auto,

    /// <summary>Managed vector code, on the processor.</summary>
    Native,

    /// <summary>TorchSharp modules.</summary>
    Torch,
}

/// <summary>Which networks the processor's own code carries.</summary>
public static class NetworkBackends
{
    // Beyond that libtorch's matrix products win by more than its calls cost.
    private const int WidestNative = 512;

    /// <summary>Whether fully connected layers of these widths are managed code: where that was asked for, or pays.</summary>
    public static bool IsNative(this NetworkBackend backend, IReadOnlyList<int> hidden)
        => backend == NetworkBackend.Native || (backend == NetworkBackend.Auto && hidden.All(width => width <= WidestNative));
}

/// <summary>What reads the observation.</summary>
public enum ObservationEncoder
{
    /// <summary>Fully connected layers.</summary>
    Mlp,

    /// <summary>
    /// Three convolutions (Mnih et al. 2015) for pictures [channels, height, width], then fully connected layers; pictures of 0 to 255 are
    /// divided by 255.
    /// </summary>
    Conv,
}

/// <summary>
/// One agent, many switches: DQN, double, dueling, n-step, prioritized, noisy, C51, QR-DQN, IQN, Munchausen, and Rainbow as a combination.
/// </summary>
public sealed record DqnOptions : IOptionsRecord
{
    /// <summary>What reads the observation.</summary>
    public ObservationEncoder Encoder { get; init; }

    /// <summary>Units of the hidden layers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [120, 84];

    /// <summary>
    /// Units of a GRU between what reads the observation and the hidden layers (DRQN, Hausknecht and Stone 2015): for worlds that do not
    /// show everything. 0 for none. It goes through libtorch, reads numbers, not pictures, and learns from stretches of steps.
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

    /// <summary>Normalize each hidden layer.</summary>
    public bool LayerNorm { get; init; }

    /// <summary>What carries the network.</summary>
    public NetworkBackend Backend { get; init; }

    /// <summary>
    /// Where libtorch computes: "auto" (a GPU when there is one), "cpu", "cuda" or "cuda:N". The native path is on the processor.
    /// </summary>
    public string Device { get; init; } = "auto";

    /// <summary>What the network says about an action.</summary>
    public ValueKind Values { get; init; }

    /// <summary>Atoms or quantiles of a distribution (IQN: quantiles drawn for the loss, and again for the target).</summary>
    public int Atoms { get; init; } = 51;

    /// <summary>Lowest atom of a categorical distribution.</summary>
    public double MinimumValue { get; init; } = -10;

    /// <summary>Highest atom of a categorical distribution.</summary>
    public double MaximumValue { get; init; } = 10;

    /// <summary>Threshold of the quantile Huber loss.</summary>
    public double Kappa { get; init; } = 1;

    /// <summary>Choose the next action with the online network and value it with the target network.</summary>
    public bool Double { get; init; }

    /// <summary>Value of the state and advantages of the actions apart (Wang et al. 2016).</summary>
    public bool Dueling { get; init; }

    /// <summary>Explore by noisy layers instead of random actions.</summary>
    public bool Noisy { get; init; }

    /// <summary>Starting size of that noise.</summary>
    public double NoiseScale { get; init; } = 0.5;

    /// <summary>Add the scaled log-probability of the action to the reward (Vieillard et al. 2020).</summary>
    public bool Munchausen { get; init; }

    /// <summary>Weight of that bonus.</summary>
    public double MunchausenAlpha { get; init; } = 0.9;

    /// <summary>Temperature of its policy.</summary>
    public double MunchausenTau { get; init; } = 0.03;

    /// <summary>Lower bound of the bonus.</summary>
    public double MunchausenClip { get; init; } = -1;

    /// <summary>How experience is kept and drawn.</summary>
    public ReplayOptions Replay { get; init; } = new();

    /// <summary>Discount, in [0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <summary>Transitions an update.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Environment steps before the first update; actions are random until then.</summary>
    public int LearningStarts { get; init; } = 1000;

    /// <summary>Environment steps between trainings.</summary>
    public int TrainEvery { get; init; } = 4;

    /// <summary>Updates a training.</summary>
    public int UpdatesPerTraining { get; init; } = 1;

    /// <summary>Environment steps between updates of the target network.</summary>
    public int TargetEvery { get; init; } = 500;

    /// <summary>Share of the online network that the target takes over each time; 1 copies it.</summary>
    public double TargetShare { get; init; } = 1;

    /// <summary>Learning rate of Adam by environment step.</summary>
    public StepSizeRule LearningRate { get; init; } = StepSizeRule.Constant(2.5e-4);

    /// <summary>Share of random actions by environment step.</summary>
    public StepSizeRule Exploration { get; init; } = StepSizeRule.Linear(1, 0.05, 50_000);

    /// <summary>How errors of means are punished.</summary>
    public ValueLoss Loss { get; init; }

    /// <summary>Largest gradient norm; 0 leaves gradients alone.</summary>
    public double ClipNorm { get; init; } = 10;

    /// <summary>Epsilon of Adam.</summary>
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>The common settings of rl-zoo3 for CartPole: 50,000 steps, 256-256.</summary>
    public static DqnOptions ZooCartPole { get; } = new()
    {
        Hidden = [256, 256],
        BatchSize = 64,
        Replay = new() { Capacity = 100_000 },
        LearningStarts = 1000,
        TargetEvery = 10,
        TrainEvery = 256,
        UpdatesPerTraining = 128,
        LearningRate = StepSizeRule.Constant(2.3e-3),
        Exploration = StepSizeRule.Linear(1, 0.04, 8000),
    };

    /// <summary>CleanRL's settings for classic control: 500,000 steps, 120-84.</summary>
    public static DqnOptions CleanRl { get; } = new()
    {
        Replay = new() { Capacity = 10_000 },
        LearningStarts = 10_000,
        TrainEvery = 10,
        TargetEvery = 500,
        Exploration = StepSizeRule.Linear(1, 0.05, 250_000),
        Loss = ValueLoss.Squared,
        ClipNorm = 0,
    };

    /// <summary>Rainbow (Hessel et al. 2018): double, dueling, prioritized, 3-step, categorical, noisy.</summary>
    public static DqnOptions Rainbow { get; } = new()
    {
        Double = true,
        Dueling = true,
        Noisy = true,
        Values = ValueKind.Categorical,
        Replay = new() { Prioritized = true, Alpha = 0.5, NStep = 3 },
        Exploration = StepSizeRule.Linear(0, 0, 1),
        AdamEpsilon = 1.5e-4,
    };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Encoder)
        .Must(Hidden is not null && Hidden.All(h => h is >= 1 and <= 65_536), Hidden is null ? null : string.Join(", ", Hidden),
            "positive widths", "for example 256,256", nameof(Hidden))
        .Remembering(Memory, Encoder, Replay, BatchSize, SequenceSteps, BurnIn)
        .Defined(Backend)
        .Must(Backend != NetworkBackend.Native || (Encoder == ObservationEncoder.Mlp && Values != ValueKind.Implicit && Memory == 0),
            Backend, "auto or torch with convolutions, a memory or implicit quantiles", field: nameof(Backend))
        .Must(ComputeDevice.IsName(Device, out _), Device, ComputeDevice.Names, field: nameof(Device))
        .Defined(Values)
        .Within(Atoms, 2, 10_000)
        .Finite(MinimumValue)
        .Must(double.IsFinite(MaximumValue) && MaximumValue > MinimumValue, MaximumValue, $"greater than MinimumValue ({MinimumValue})",
            field: nameof(MaximumValue))
        .Positive(Kappa)
        .Positive(NoiseScale)
        .Must(!Munchausen || (Values == ValueKind.Mean && Replay?.NStep == 1), Munchausen, "only with values=mean and replay.n_step=1",
            field: nameof(Munchausen))
        .Within(MunchausenAlpha, 0, 1)
        .Positive(MunchausenTau)
        .Must(MunchausenClip <= 0 && double.IsFinite(MunchausenClip), MunchausenClip, "at most 0", field: nameof(MunchausenClip))
        .Must(Replay is not null, Replay, "a map", field: nameof(Replay))
        .Nested(Replay)
        .Within(Gamma, 0, 1)
        .AtLeast(BatchSize, 1)
        .Must(Replay is null || BatchSize <= Replay.Capacity, BatchSize, $"at most replay.capacity ({Replay?.Capacity})",
            "A batch cannot hold more transitions than the buffer keeps.", nameof(BatchSize))
        .AtLeast(LearningStarts, 0)
        .AtLeast(TrainEvery, 1)
        .AtLeast(UpdatesPerTraining, 1)
        .AtLeast(TargetEvery, 1)
        .Within(TargetShare, 0, 1, includeMin: false)
        .Must(LearningRate is not null, LearningRate, "a rule", field: nameof(LearningRate))
        .Nested(LearningRate)
        .Must(Exploration is not null && Exploration.At(0) <= 1, Exploration, "a rule of shares in [0, 1]", field: nameof(Exploration))
        .Nested(Exploration)
        .Defined(Loss)
        .AtLeast(ClipNorm, 0)
        .AtLeast(AdamEpsilon, 0);
}
