using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>A job whose run can play an episode.</summary>
public interface IAgentJob : IJob
{
    /// <summary>Plays an episode with the run's best policy, step by step; the view shows the state after each.</summary>
    /// <param name="context">The run.</param>
    /// <param name="seed">Seed of the episode.</param>
    /// <param name="maxSteps">Longest episode.</param>
    IEnumerable<PlayedStep> Play(JobContext context, ulong seed, int maxSteps);

    /// <summary>Plays episodes with the run's best policy and keeps every transition.</summary>
    /// <param name="context">The run.</param>
    /// <param name="episodes">How many.</param>
    /// <param name="seed">Seed of the first.</param>
    TransitionData Record(JobContext context, int episodes, ulong seed);
}
