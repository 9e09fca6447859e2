using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// REINFORCE (Williams 1992): whole episodes, the policy gradient weighted by the returns that followed, less a learned baseline.
/// </summary>
public sealed record ReinforceOptions : IOptionsRecord
{
    /// <summary>What reads the observation; convolutions and encoders of your own go through libtorch.</summary>
    public ObservationEncoder Encoder { get; init; }

    /// <summary>
    /// Where libtorch computes: "auto" (a GPU when there is one), "cpu", "cuda" or "cuda:N". The native path is on the processor.
    /// </summary>
    public string Device { get; init; } = "auto";

    /// <summary>Units of the hidden layers, of policy and baseline alike; each has its own network.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer.</summary>
    public MlpActivation Activation { get; init; } = MlpActivation.Tanh;

    /// <summary>
    /// Units of a GRU between what reads the observation and the hidden layers, in policy and baseline alike: for worlds that do not show
    /// everything. 0 for none. It goes through libtorch, reads numbers, not pictures, and looks back to an episode's beginning.
    /// </summary>
    public int Memory { get; init; }

    /// <summary>Whether the value of the state is subtracted from the return.</summary>
    public bool Baseline { get; init; } = true;

    /// <summary>Discount, in [0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <summary>Give the advantages of each training mean 0 and deviation 1.</summary>
    public bool NormalizeAdvantages { get; init; } = true;

    /// <summary>Steps after which an episode is cut and learned from as it is.</summary>
    public int LongestEpisode { get; init; } = 1000;

    /// <summary>Weight of the mean squared error of the baseline.</summary>
    public double ValueCoefficient { get; init; } = 0.5;

    /// <summary>Weight of the entropy.</summary>
    public double EntropyCoefficient { get; init; }

    /// <summary>Learning rate of Adam by environment step.</summary>
    public StepSizeRule LearningRate { get; init; } = StepSizeRule.Constant(2e-3);

    /// <summary>Largest gradient norm over both networks; 0 leaves gradients alone.</summary>
    public double ClipNorm { get; init; } = 0.5;

    /// <summary>Logarithm of the deviation of continuous actions at the start.</summary>
    public double InitialLogDeviation { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(LongestEpisode, 1)
        .Concat(Learner.Validate());

    /// <summary>The same as settings of the shared losses: one pass, no clipping.</summary>
    internal ActorCriticOptions Learner => ActorCriticOptions.A2c with
    {
        Encoder = Encoder,
        Device = Device,
        Hidden = Hidden,
        Activation = Activation,
        Memory = Memory,
        Gamma = Gamma,
        NormalizeAdvantages = NormalizeAdvantages,
        ValueCoefficient = Baseline ? ValueCoefficient : 0,
        EntropyCoefficient = EntropyCoefficient,
        Beta1 = 0.9,
        Beta2 = 0.999,
        LearningRate = LearningRate,
        ClipNorm = ClipNorm,
        InitialLogDeviation = InitialLogDeviation,
    };
}
