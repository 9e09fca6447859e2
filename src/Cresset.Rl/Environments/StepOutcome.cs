namespace Cresset.Rl;

/// <summary>What a step did, apart from the observation.</summary>
/// <param name="Reward">The reward.</param>
/// <param name="Terminated">The task itself ended: the value of what follows is 0, do not bootstrap.</param>
/// <param name="Truncated">The episode was cut from outside (a time limit): what follows still has a value, do bootstrap.</param>
public readonly record struct StepOutcome(double Reward, bool Terminated, bool Truncated = false)
{
    /// <summary>Whether the episode is over for either reason.</summary>
    public bool Ended => Terminated | Truncated;
}
