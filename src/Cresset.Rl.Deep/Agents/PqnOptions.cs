using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>Parallel Q-learning without replay or target network (Gallici et al. 2024): normalized layers keep it stable.</summary>
public sealed record PqnOptions : IOptionsRecord
{
    /// <summary>What reads the observation; convolutions and encoders of your own go through libtorch.</summary>
    public ObservationEncoder Encoder { get; init; }

    /// <summary>
    /// Units of a GRU between what reads the observation and the hidden layers: for worlds that do not show everything. 0 for none. It goes
    /// through libtorch, and reads numbers, not pictures.
    /// </summary>
    public int Memory { get; init; }

    /// <summary>Units of the hidden layers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [120, 84];

    /// <summary>Normalize each hidden layer; the method's stability rests on it.</summary>
    public bool LayerNorm { get; init; } = true;

    /// <summary>What carries the network.</summary>
    public NetworkBackend Backend { get; init; }

    /// <summary>Where libtorch computes: auto, cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Steps of each copy between trainings. With a memory, what is learned looks back as many steps.</summary>
    public int RolloutSteps { get; init; } = 128;

    /// <summary>Parts that a rollout is learned in.</summary>
    public int Minibatches { get; init; } = 4;

    /// <summary>Passes over a rollout.</summary>
    public int Epochs { get; init; } = 4;

    /// <summary>Discount, in [0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <summary>Share of the longer returns in Q(lambda), in [0, 1].</summary>
    public double Lambda { get; init; } = 0.65;

    /// <summary>Learning rate of Adam by environment step.</summary>
    public StepSizeRule LearningRate { get; init; } = StepSizeRule.Linear(2.5e-4, 0, 500_000);

    /// <summary>Share of random actions by environment step.</summary>
    public StepSizeRule Exploration { get; init; } = StepSizeRule.Linear(1, 0.05, 250_000);

    /// <summary>Largest gradient norm; 0 leaves gradients alone.</summary>
    public double ClipNorm { get; init; } = 10;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Hidden is not null && Hidden.All(h => h is >= 1 and <= 65_536), Hidden is null ? null : string.Join(", ", Hidden),
            "positive widths", "for example 120,84", nameof(Hidden))
        .Defined(Encoder)
        .Within(Memory, 0, 65_536)
        .Must(Memory == 0 || Encoder == ObservationEncoder.Mlp, Memory, "0 beside encoder=conv", MemoryLimits.BehindConvolutions)
        .Defined(Backend)
        .Must(Backend != NetworkBackend.Native || (Encoder == ObservationEncoder.Mlp && Memory == 0), Backend,
            "auto or torch with convolutions or a memory", field: nameof(Backend))
        .Must(ComputeDevice.IsName(Device, out _), Device, ComputeDevice.Names, field: nameof(Device))
        .AtLeast(RolloutSteps, 1)
        .AtLeast(Minibatches, 1)
        .AtLeast(Epochs, 1)
        .Within(Gamma, 0, 1)
        .Within(Lambda, 0, 1)
        .Must(LearningRate is not null, LearningRate, "a rule", field: nameof(LearningRate))
        .Nested(LearningRate)
        .Must(Exploration is not null && Exploration.At(0) <= 1, Exploration, "a rule of shares in [0, 1]", field: nameof(Exploration))
        .Nested(Exploration)
        .AtLeast(ClipNorm, 0);
}
