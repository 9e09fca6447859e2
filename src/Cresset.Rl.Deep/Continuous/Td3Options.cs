using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Twin delayed deterministic policy gradients (Fujimoto et al. 2018); <see cref="Ddpg"/> without its three changes.</summary>
public sealed record Td3Options : OffPolicyOptions
{
    /// <summary>Critics; the smallest of their values counts.</summary>
    public int Critics { get; init; } = 2;

    /// <summary>Updates of the critics for one of the policy and the targets.</summary>
    public int PolicyDelay { get; init; } = 2;

    /// <summary>Deviation of the noise on the target's action, where actions are from -1 to 1.</summary>
    public double TargetNoise { get; init; } = 0.2;

    /// <summary>Largest noise on the target's action.</summary>
    public double TargetNoiseClip { get; init; } = 0.5;

    /// <summary>Noise on the actions that are taken, where actions are from -1 to 1.</summary>
    public ActionNoise Exploration { get; init; } = new NormalNoise();

    /// <summary>Deep deterministic policy gradients (Lillicrap et al. 2016): one critic, no delay, no noise on the target.</summary>
    public static Td3Options Ddpg { get; } = new()
    {
        Critics = 1,
        PolicyDelay = 1,
        TargetNoise = 0,
        Exploration = new OrnsteinUhlenbeckNoise()
    };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
    [
        .. base.Validate(),
        .. new OptionChecks()
            .Within(Critics, 1, 100)
            .AtLeast(PolicyDelay, 1)
            .AtLeast(TargetNoise, 0.0)
            .AtLeast(TargetNoiseClip, 0.0)
            .Must(Exploration is not null, Exploration, "a noise (none, normal, ornstein-uhlenbeck)", field: nameof(Exploration))
            .Nested(Exploration),
    ];
}
