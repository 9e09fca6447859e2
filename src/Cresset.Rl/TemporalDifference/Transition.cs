namespace Cresset.Rl;

/// <summary>One step of experience.</summary>
/// <param name="State">Where it began.</param>
/// <param name="Action">What was done.</param>
/// <param name="Reward">What it paid.</param>
/// <param name="NextState">Where it led.</param>
/// <param name="Terminated">Whether the task ended: nothing follows.</param>
/// <param name="NextAction">What is done next (for the targets that ask for it); -1 when unknown.</param>
/// <param name="Ratio">Importance ratio pi(a|s) / b(a|s) of <paramref name="Action"/>; 1 on-policy.</param>
/// <param name="NextRatio">Importance ratio of <paramref name="NextAction"/>; 1 on-policy.</param>
public readonly record struct Transition(
    int State, int Action, double Reward, int NextState, bool Terminated = false, int NextAction = -1, double Ratio = 1,
    double NextRatio = 1);
