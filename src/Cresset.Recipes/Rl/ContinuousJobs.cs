using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>
/// Soft actor-critic: a random policy that is paid for its entropy, two critics, a learned temperature; state-dependent noise.
/// </summary>
[Part("sac", "Haarnoja et al. 2018")]
internal sealed class SacJob : AgentJob<SacOptions, float>
{
    /// <inheritdoc/>
    public override string Name => "sac";

    /// <inheritdoc/>
    public override string Summary =>
        "Soft actor-critic: a random policy that is paid for its entropy, two critics, a learned temperature; state-dependent noise.";

    /// <inheritdoc/>
    protected override AgentLoopOptions TrainingDefaults =>
        new()
        {
            Environment = new PendulumSource(),
            Steps = 20_000,
            EvaluateEvery = 2000,
            EvaluationEpisodes = 20,
            CheckpointEvery = 10_000
        };

    /// <inheritdoc/>
    protected override SacOptions WithoutFiles(SacOptions options) => options with { Replay = options.Replay.InMemory() };

    /// <inheritdoc/>
    protected override SacOptions ForPlaying(SacOptions options) => options with { Replay = options.Replay.ForPlaying() };

    /// <inheritdoc/>
    protected override IAgent<float> CreateAgent(VectorEnvironment<float, float> environments, SacOptions options, ulong seed) =>
        new SacAgent(environments, options, seed);
}

/// <summary>Truncated quantile critics: SAC whose critics put out quantiles, the largest of which are dropped.</summary>
[Part("tqc", "Kuznetsov et al. 2020")]
internal sealed class TqcJob : AgentJob<SacOptions, float>
{
    /// <inheritdoc/>
    public override string Name => "tqc";

    /// <inheritdoc/>
    public override string Summary => "Truncated quantile critics: SAC whose critics put out quantiles, the largest of which are dropped.";

    /// <inheritdoc/>
    protected override AgentLoopOptions TrainingDefaults =>
        new()
        {
            Environment = new PendulumSource(),
            Steps = 20_000,
            EvaluateEvery = 2000,
            EvaluationEpisodes = 20,
            CheckpointEvery = 10_000
        };

    /// <inheritdoc/>
    protected override SacOptions AgentDefaults => SacOptions.Tqc;

    /// <inheritdoc/>
    protected override SacOptions WithoutFiles(SacOptions options) => options with { Replay = options.Replay.InMemory() };

    /// <inheritdoc/>
    protected override SacOptions ForPlaying(SacOptions options) => options with { Replay = options.Replay.ForPlaying() };

    /// <inheritdoc/>
    protected override IAgent<float> CreateAgent(VectorEnvironment<float, float> environments, SacOptions options, ulong seed) =>
        new SacAgent(environments, options, seed);
}

/// <summary>Twin delayed deterministic policy gradients: two critics, a slower policy, smoothed targets.</summary>
[Part("td3", "Fujimoto et al. 2018")]
internal sealed class Td3Job : AgentJob<Td3Options, float>
{
    /// <inheritdoc/>
    public override string Name => "td3";

    /// <inheritdoc/>
    public override string Summary => "Twin delayed deterministic policy gradients: two critics, a slower policy, smoothed targets.";

    /// <inheritdoc/>
    protected override AgentLoopOptions TrainingDefaults =>
        new()
        {
            Environment = new PendulumSource(),
            Steps = 20_000,
            EvaluateEvery = 2000,
            EvaluationEpisodes = 20,
            CheckpointEvery = 10_000
        };

    /// <inheritdoc/>
    protected override Td3Options WithoutFiles(Td3Options options) => options with { Replay = options.Replay.InMemory() };

    /// <inheritdoc/>
    protected override Td3Options ForPlaying(Td3Options options) => options with { Replay = options.Replay.ForPlaying() };

    /// <inheritdoc/>
    protected override IAgent<float> CreateAgent(VectorEnvironment<float, float> environments, Td3Options options, ulong seed) =>
        new Td3Agent(environments, options, seed);
}

/// <summary>Deep deterministic policy gradients: one critic, one policy, noise that hangs together.</summary>
[Part("ddpg", "Lillicrap et al. 2016")]
internal sealed class DdpgJob : AgentJob<Td3Options, float>
{
    /// <inheritdoc/>
    public override string Name => "ddpg";

    /// <inheritdoc/>
    public override string Summary => "Deep deterministic policy gradients: one critic, one policy, noise that hangs together.";

    /// <inheritdoc/>
    protected override AgentLoopOptions TrainingDefaults =>
        new()
        {
            Environment = new PendulumSource(),
            Steps = 20_000,
            EvaluateEvery = 2000,
            EvaluationEpisodes = 20,
            CheckpointEvery = 10_000
        };

    /// <inheritdoc/>
    protected override Td3Options AgentDefaults => Td3Options.Ddpg;

    /// <inheritdoc/>
    protected override Td3Options WithoutFiles(Td3Options options) => options with { Replay = options.Replay.InMemory() };

    /// <inheritdoc/>
    protected override Td3Options ForPlaying(Td3Options options) => options with { Replay = options.Replay.ForPlaying() };

    /// <inheritdoc/>
    protected override IAgent<float> CreateAgent(VectorEnvironment<float, float> environments, Td3Options options, ulong seed) =>
        new Td3Agent(environments, options, seed);
}
