using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Noise that is added to actions in [-1, 1] while an agent explores.</summary>
[PartKind("action-noise")]
public abstract record ActionNoise : IOptionsRecord
{
    /// <summary>Moves the state of the noise one step on and writes the noise.</summary>
    /// <param name="state">One number for each value of an action; zeros at the start of an episode.</param>
    /// <param name="random">The stream.</param>
    /// <param name="noise">Receives one number for each value of an action.</param>
    public abstract void Draw(Span<float> state, RandomStream random, Span<float> noise);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>No noise: the policy acts as it is.</summary>
[Part("none")]
public sealed record NoNoise : ActionNoise
{
    /// <inheritdoc/>
    public override void Draw(Span<float> state, RandomStream random, Span<float> noise) => noise.Clear();
}

/// <summary>Independent normal noise at every step.</summary>
[Part("normal", "Fujimoto et al. 2018")]
public sealed record NormalNoise : ActionNoise
{
    /// <summary>Standard deviation.</summary>
    public double Deviation { get; init; } = 0.1;

    /// <inheritdoc/>
    public override void Draw(Span<float> state, RandomStream random, Span<float> noise)
    {
        ArgumentNullException.ThrowIfNull(random);
        foreach (ref var value in noise) value = (float)(Deviation * random.NextNormal());
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Deviation, 0.0);
}

/// <summary>Noise that hangs together over time: <c>x += -theta x dt + sigma sqrt(dt) N(0, 1)</c>.</summary>
[Part("ornstein-uhlenbeck", "Uhlenbeck and Ornstein 1930; Lillicrap et al. 2016")]
public sealed record OrnsteinUhlenbeckNoise : ActionNoise
{
    /// <summary>Pull towards 0.</summary>
    public double Theta { get; init; } = 0.15;

    /// <summary>Size of the changes.</summary>
    public double Sigma { get; init; } = 0.2;

    /// <summary>Time of a step.</summary>
    public double StepTime { get; init; } = 0.01;

    /// <inheritdoc/>
    public override void Draw(Span<float> state, RandomStream random, Span<float> noise)
    {
        ArgumentNullException.ThrowIfNull(random);
        for (var i = 0; i < state.Length; i++)
        {
            state[i] += (float)((-Theta * state[i] * StepTime) + (Sigma * Math.Sqrt(StepTime) * random.NextNormal()));
            noise[i] = state[i];
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Theta, 0.0).AtLeast(Sigma, 0.0).Positive(StepTime);
}
