using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>Behaviour cloning: a policy that imitates recorded actions, of choices or continuous.</summary>
[Part("behaviour-cloning", "Pomerleau 1989", Aliases = ["behavior-cloning"])]
internal sealed class CloningJob() : EitherActionJob(new Of<int>(), new Of<float>())
{
    private sealed class Of<TAction> : AgentJob<CloningOptions, TAction>
        where TAction : unmanaged
    {
        public override string Name => "behaviour-cloning";

        public override string Summary => "Behaviour cloning: a policy that makes the actions of recorded transitions as likely as it can.";

        protected override AgentLoopOptions TrainingDefaults =>
            new() { Steps = 100_000, EvaluateEvery = 20_000, LogEvery = 4000, CheckpointEvery = 50_000 };

        protected override IAgent<TAction> CreateAgent(VectorEnvironment<float, TAction> environments, CloningOptions options, ulong seed)
            => new CloningAgent<TAction>(environments, options, TransitionData.Read(options.Data), seed);

        protected override IAgent<TAction> CreatePlayer(VectorEnvironment<float, TAction> environments, CloningOptions options, ulong seed)
            => new CloningAgent<TAction>(environments, options, null, seed);
    }
}
