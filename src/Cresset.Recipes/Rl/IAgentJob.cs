using Cresset.Rl;

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

/// <summary>A step of a played episode.</summary>
/// <param name="Step">0 for the start.</param>
/// <param name="Reward">Of this step.</param>
/// <param name="View">Draws the state now.</param>
public readonly record struct PlayedStep(int Step, double Reward, IRenderable View);
