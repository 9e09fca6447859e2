namespace Cresset.Rl;

/// <summary>
/// An environment with a goal that is part of its observation, so that what was done for one goal can be judged by another (hindsight
/// experience replay, Andrychowicz et al.
/// 2017). Observations are float; some of their values say what has been achieved, as many others what is wanted.
/// </summary>
public interface IGoalEnvironment
{
    /// <summary>Where the two parts lie in an observation.</summary>
    GoalPlaces GoalPlaces { get; }

    /// <summary>
    /// What a step is worth that led to <paramref name="achieved"/> where <paramref name="wanted"/> is the goal. Depends on nothing else;
    /// copies are asked from any thread.
    /// </summary>
    /// <param name="achieved">What has been achieved after the step.</param>
    /// <param name="wanted">The goal.</param>
    StepOutcome Judge(ReadOnlySpan<float> achieved, ReadOnlySpan<float> wanted);
}

/// <summary>Which values of an observation are what has been achieved, and which are what is wanted.</summary>
/// <param name="Achieved">First value of what has been achieved.</param>
/// <param name="Wanted">First value of what is wanted.</param>
/// <param name="Size">Values of each.</param>
public readonly record struct GoalPlaces(int Achieved, int Wanted, int Size)
{
    /// <summary>The part of an observation that says what has been achieved.</summary>
    public ReadOnlySpan<float> AchievedIn(ReadOnlySpan<float> observation) => observation.Slice(Achieved, Size);

    /// <summary>The part of an observation that says what is wanted.</summary>
    public Span<float> WantedIn(Span<float> observation) => observation.Slice(Wanted, Size);
}
