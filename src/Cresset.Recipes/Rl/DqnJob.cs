using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>DQN and its variants on an environment of the catalog.</summary>
[Part("dqn")]
internal sealed class DqnJob : AgentJob<DqnOptions, int>
{
    /// <inheritdoc/>
    public override string Name => "dqn";

    /// <inheritdoc/>
    public override string Summary =>
        "Deep Q-learning with switches: double, dueling, n-step, prioritized, noisy, C51, QR-DQN, IQN, Munchausen, Rainbow.";

    /// <inheritdoc/>
    protected override DqnOptions WithoutFiles(DqnOptions options) => options with { Replay = options.Replay.InMemory() };

    /// <inheritdoc/>
    protected override DqnOptions ForPlaying(DqnOptions options) => options with { Replay = options.Replay.ForPlaying() };

    /// <inheritdoc/>
    protected override IAgent<int> CreateAgent(VectorEnvironment<float, int> environments, DqnOptions options, ulong seed) =>
        new DqnAgent(environments, options, seed);
}
