using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>PQN on an environment of the catalog.</summary>
[Part("pqn")]
internal sealed class PqnJob : AgentJob<PqnOptions, int>
{
    /// <inheritdoc/>
    public override string Name => "pqn";

    /// <inheritdoc/>
    public override string Summary =>
        "Parallel Q-learning without replay: normalized layers and Q(lambda) over rollouts of several copies.";

    /// <inheritdoc/>
    protected override AgentLoopOptions TrainingDefaults =>
        new() { Environments = 4, Steps = 500_000, EvaluateEvery = 25_000, LogEvery = 2500, CheckpointEvery = 100_000 };

    /// <inheritdoc/>
    protected override IAgent<int> CreateAgent(VectorEnvironment<float, int> environments, PqnOptions options, ulong seed) =>
        new PqnAgent(environments, options, seed);
}
