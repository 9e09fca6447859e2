using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>A job whose agent takes choices or continuous actions, whichever its environment has.</summary>
/// <param name="discrete">The job for choices.</param>
/// <param name="continuous">The job for continuous actions.</param>
internal abstract class EitherActionJob(IAgentJob discrete, IAgentJob continuous) : IAgentJob, IPredictingJob, IChoosesJob
{
    /// <inheritdoc/>
    public string Name => discrete.Name;

    /// <inheritdoc/>
    public string Summary => discrete.Summary;

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections => discrete.Sections;

    /// <inheritdoc/>
    public string Evaluates => discrete.Evaluates;

    /// <inheritdoc/>
    public string? Samples => discrete.Samples;

    /// <inheritdoc/>
    public void Check(ResolvedRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        For(recipe).Check(recipe);
    }

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context) => For(context).Run(context);

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context) => For(context).Evaluate(context);

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request) => For(context).Sample(context, request);

    /// <inheritdoc/>
    public IEnumerable<PlayedStep> Play(JobContext context, ulong seed, int maxSteps) => For(context).Play(context, seed, maxSteps);

    /// <inheritdoc/>
    public TransitionData Record(JobContext context, int episodes, ulong seed) => For(context).Record(context, episodes, seed);

    Predictor IPredictingJob.Open(StoredModel stored) => ((IPredictingJob)For(stored.Recipe())).Open(stored);

    /// <summary>The job for the actions of the recipe's environment.</summary>
    IJob IChoosesJob.Chosen(ResolvedRecipe recipe) => For(recipe);

    private IAgentJob For(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return For(context.Recipe);
    }

    private IAgentJob For(ResolvedRecipe recipe)
    {
        var environment = ((AgentLoopOptions)recipe.Options["training"]).Environment.Create();
        environment.End();
        return environment is IEnvironment<float, float> ? continuous : discrete;
    }
}

/// <summary>PPO or A2C on an environment of the catalog, with choices or continuous actions.</summary>
[Part("actor-critic")]
internal sealed class ActorCriticJob() : EitherActionJob(new Of<int>(), new Of<float>())
{
    private sealed class Of<TAction> : AgentJob<ActorCriticOptions, TAction>
        where TAction : unmanaged
    {
        public override string Name => "actor-critic";

        public override string Summary => "PPO and A2C: rollouts of several copies, generalized advantages, clipped policy gradients.";

        protected override AgentLoopOptions TrainingDefaults =>
            new() { Environments = 8, Steps = 100_000, EvaluateEvery = 10_000, LogEvery = 2000, CheckpointEvery = 50_000 };

        protected override IAgent<TAction> CreateAgent(VectorEnvironment<float, TAction> environments, ActorCriticOptions options,
            ulong seed) => new ActorCriticAgent<TAction>(environments, options, seed);
    }
}

/// <summary>REINFORCE on an environment of the catalog, with choices or continuous actions.</summary>
[Part("reinforce")]
internal sealed class ReinforceJob() : EitherActionJob(new Of<int>(), new Of<float>())
{
    private sealed class Of<TAction> : AgentJob<ReinforceOptions, TAction>
        where TAction : unmanaged
    {
        public override string Name => "reinforce";

        public override string Summary => "REINFORCE: whole episodes, policy gradient by returns less a learned baseline.";

        protected override AgentLoopOptions TrainingDefaults =>
            new() { Environments = 8, Steps = 200_000, EvaluateEvery = 10_000, LogEvery = 2000, CheckpointEvery = 50_000 };

        protected override IAgent<TAction> CreateAgent(VectorEnvironment<float, TAction> environments, ReinforceOptions options,
            ulong seed) => new ReinforceAgent<TAction>(environments, options, seed);
    }
}
