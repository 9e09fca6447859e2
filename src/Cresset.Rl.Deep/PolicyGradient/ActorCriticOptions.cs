using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// Proximal policy optimization (Schulman et al. 2017) and advantage actor-critic (Mnih et al. 2016), which is PPO with one pass over a
/// whole rollout and no clipping.
/// </summary>
public sealed record ActorCriticOptions : IOptionsRecord
{
    /// <summary>What reads the observation; convolutions and encoders of your own go through libtorch.</summary>
    public ObservationEncoder Encoder { get; init; }

    /// <summary>
    /// Where libtorch computes: "auto" (a GPU when there is one), "cpu", "cuda" or "cuda:N". The native path is on the processor.
    /// </summary>
    public string Device { get; init; } = "auto";

    /// <summary>Units of the hidden layers, of policy and values alike; each has its own network.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer.</summary>
    public MlpActivation Activation { get; init; } = MlpActivation.Tanh;

    /// <summary>
    /// Units of a GRU between what reads the observation and the hidden layers, in policy and values alike: for worlds that do not show
    /// everything. 0 for none. It goes through libtorch, and reads numbers, not pictures.
    /// </summary>
    public int Memory { get; init; }

    /// <summary>Steps of each copy between trainings. With a memory, what is learned looks back as many steps.</summary>
    public int RolloutSteps { get; init; } = 128;

    /// <summary>Parts that a rollout is learned in.</summary>
    public int Minibatches { get; init; } = 4;

    /// <summary>Passes over a rollout.</summary>
    public int Epochs { get; init; } = 4;

    /// <summary>How the steps of a rollout are judged.</summary>
    public AdvantageEstimator Advantage { get; init; }

    /// <summary>Discount, in [0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <summary>Lambda of generalized advantage estimation and of the traces of V-trace, in [0, 1].</summary>
    public double Lambda { get; init; } = 0.95;

    /// <summary>Largest change of the probability ratio that is rewarded; 0 for the plain policy gradient.</summary>
    public double ClipRange { get; init; } = 0.2;

    /// <summary>Largest change of a value in one training that is rewarded; 0 for none.</summary>
    public double ValueClipRange { get; init; }

    /// <summary>Weight of the mean squared error of the values.</summary>
    public double ValueCoefficient { get; init; } = 0.5;

    /// <summary>Weight of the entropy, which keeps the policy from settling too early.</summary>
    public double EntropyCoefficient { get; init; }

    /// <summary>Give the advantages of each part mean 0 and deviation 1.</summary>
    public bool NormalizeAdvantages { get; init; } = true;

    /// <summary>A training ends early when the approximate KL divergence from the old policy exceeds 1.5 times this; 0 never.</summary>
    public double TargetKl { get; init; }

    /// <summary>Learning rate of Adam by environment step.</summary>
    public StepSizeRule LearningRate { get; init; } = StepSizeRule.Constant(3e-4);

    /// <summary>Decay of Adam's first moments; 0 makes it RMSprop (with bias correction).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of Adam's second moments.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Adam's epsilon.</summary>
    public double AdamEpsilon { get; init; } = 1e-5;

    /// <summary>Largest gradient norm over both networks; 0 leaves gradients alone.</summary>
    public double ClipNorm { get; init; } = 0.5;

    /// <summary>Logarithm of the deviation of continuous actions at the start.</summary>
    public double InitialLogDeviation { get; init; }

    /// <summary>PPO with the settings of its paper for control tasks.</summary>
    public static ActorCriticOptions Ppo => new();

    /// <summary>A2C with RMSprop, as its paper has it: momentum lets the values run away on such small, correlated batches.</summary>
    public static ActorCriticOptions A2c => new()
    {
        RolloutSteps = 5,
        Minibatches = 1,
        Epochs = 1,
        Lambda = 1,
        ClipRange = 0,
        NormalizeAdvantages = false,
        Beta1 = 0,
        Beta2 = 0.99,
        LearningRate = StepSizeRule.Constant(7e-4),
    };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Hidden is not null && Hidden.All(h => h is >= 1 and <= 65_536), Hidden is null ? null : string.Join(", ", Hidden),
            "positive widths", "for example 64,64", nameof(Hidden))
        .Defined(Encoder)
        .Must(ComputeDevice.IsName(Device, out _), Device, ComputeDevice.Names, field: nameof(Device))
        .Defined(Activation)
        .Within(Memory, 0, 65_536)
        .Must(Memory == 0 || Encoder == ObservationEncoder.Mlp, Memory, "0 beside encoder=conv",
            MemoryLimits.BehindConvolutions)
        .AtLeast(RolloutSteps, 1)
        .AtLeast(Minibatches, 1)
        .AtLeast(Epochs, 1)
        .Defined(Advantage)
        .Must(Advantage != AdvantageEstimator.VTrace || Epochs > 1, Advantage, "gae with one epoch",
            "in its first pass a rollout is the policy's own, for which both are the same; set epochs=2 or more")
        .Within(Gamma, 0, 1)
        .Within(Lambda, 0, 1)
        .Within(ClipRange, 0, 1, includeMax: false)
        .AtLeast(ValueClipRange, 0.0)
        .AtLeast(ValueCoefficient, 0.0)
        .AtLeast(EntropyCoefficient, 0.0)
        .AtLeast(TargetKl, 0.0)
        .Must(LearningRate is not null, LearningRate, "a rule", field: nameof(LearningRate))
        .Nested(LearningRate)
        .Within(Beta1, 0, 1, includeMax: false)
        .Within(Beta2, 0, 1, includeMax: false)
        .Positive(AdamEpsilon)
        .AtLeast(ClipNorm, 0.0)
        .Within(InitialLogDeviation, -10, 5)
        .Must(ClipRange > 0 || Advantage == AdvantageEstimator.VTrace || (Epochs == 1 && Minibatches == 1), Epochs,
            "1, with 1 minibatch, without clipping",
            "the plain policy gradient holds for the policy that acted only; set clip_range, advantage=v_trace or epochs=1 minibatches=1");
}

/// <summary>How the steps of a rollout are judged.</summary>
public enum AdvantageEstimator
{
    /// <summary>Generalized advantage estimation, once for all passes over a rollout (Schulman et al. 2016).</summary>
    Gae,

    /// <summary>
    /// V-trace, anew before each later pass, with the values and the policy as they are by then (Espeholt et al. 2018): for many passes,
    /// and for passes without clipping.
    /// </summary>
    VTrace,
}
