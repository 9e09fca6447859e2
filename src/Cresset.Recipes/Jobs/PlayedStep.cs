using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>A step of a played episode.</summary>
/// <param name="Step">Its number, 0 for the start.</param>
/// <param name="Reward">What it paid.</param>
/// <param name="Environment">The environment after it.</param>
public readonly record struct PlayedStep(int Step, double Reward, IEnvironment Environment)
{
    /// <summary>The environment's pictures.</summary>
    /// <exception cref="NotSupportedException">It has none.</exception>
    public IRenderable View =>
        Environment.Unwrapped as IRenderable ?? throw new NotSupportedException($"{Environment.Name} has no picture.");
}
