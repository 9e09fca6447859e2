namespace Cresset.Recipes;

/// <summary>A job whose run can play an episode.</summary>
public interface IAgentJob : IJob
{
    /// <summary>Plays an episode with the run's best policy, step by step; the view shows the state after each.</summary>
    /// <param name="context">The run.</param>
    /// <param name="seed">Seed of the episode.</param>
    /// <param name="maxSteps">Longest episode.</param>
    IEnumerable<PlayedStep> Play(JobContext context, ulong seed, int maxSteps);
}
