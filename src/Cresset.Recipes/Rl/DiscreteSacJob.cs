using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>Soft actor-critic over choices: a random policy that is paid for its entropy, two critics, a learned temperature.</summary>
[Part("sac-discrete", "Christodoulou 2019")]
internal sealed class DiscreteSacJob : AgentJob<DiscreteSacOptions, int>
{
    /// <inheritdoc/>
    public override string Name => "sac-discrete";

    /// <inheritdoc/>
    public override string Summary =>
        "Soft actor-critic over choices: a random policy that is paid for its entropy, two critics, a learned temperature.";

    /// <inheritdoc/>
    protected override DiscreteSacOptions WithoutFiles(DiscreteSacOptions options) => options with { Replay = options.Replay.InMemory() };

    /// <inheritdoc/>
    protected override DiscreteSacOptions ForPlaying(DiscreteSacOptions options) => options with { Replay = options.Replay.ForPlaying() };

    /// <inheritdoc/>
    protected override IAgent<int> CreateAgent(VectorEnvironment<float, int> environments, DiscreteSacOptions options, ulong seed) =>
        new DiscreteSacAgent(environments, options, seed);
}
