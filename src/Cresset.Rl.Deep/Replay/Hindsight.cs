using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Judges transitions by goals that were reached later (Andrychowicz et al. 2017).</summary>
internal sealed class Hindsight
{
    private readonly int _others;
    private readonly IGoalEnvironment _goals;
    private readonly GoalPlaces _places;
    private readonly float[] _wanted;

    /// <param name="others">Transitions with another goal for each as it was.</param>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="goals">The world's goals.</param>
    /// <exception cref="ArgumentException">There are none, or they do not lie in the observation.</exception>
    public Hindsight(int others, int observationSize, IGoalEnvironment? goals)
    {
        (_others, _goals) = (others, goals ?? throw new ArgumentException(
            "replay.hindsight needs a world with goals (IGoalEnvironment) whose observations and rewards no wrapper changes. Set "
                + "replay.hindsight=0, or leave those wrappers out.", nameof(goals)));
        _places = goals.GoalPlaces;
        var (achieved, wanted, size) = _places;
        if (size < 1 || achieved < 0 || wanted < 0 || Math.Max(achieved, wanted) + size > observationSize
            || Math.Abs(achieved - wanted) < size)
        {
            throw new ArgumentException(
                $"The goals are said to be {size} values from {achieved} and from {wanted} on; they must lie apart within the "
                    + $"{observationSize} values of an observation.", nameof(goals));
        }
        (Later, _wanted) = (new float[observationSize], new float[size]);
    }

    /// <summary>Receives the observation that holds what was achieved later.</summary>
    public float[] Later { get; }

    /// <summary>Whether the transition that is drawn gets another goal.</summary>
    public bool IsDrawn(RandomStream random) => random.NextInt32(_others + 1) > 0;

    /// <summary>Puts the goal of <see cref="Later"/> into both observations of a transition and says what the step is worth then.</summary>
    /// <param name="here">Where the action was taken.</param>
    /// <param name="next">What was seen then.</param>
    /// <param name="hasEnded">Whether the task ended there.</param>
    public StepOutcome Judge(Span<float> here, Span<float> next, bool hasEnded)
    {
        _places.WantedIn(next).CopyTo(_wanted);
        // An end that the goal does not explain (a fall, a crash) is one whatever is wanted.
        var endsAnyway = hasEnded && !_goals.Judge(_places.AchievedIn(next), _wanted).Terminated;
        var goal = _places.AchievedIn(Later);
        goal.CopyTo(_places.WantedIn(here));
        goal.CopyTo(_places.WantedIn(next));
        var outcome = _goals.Judge(_places.AchievedIn(next), goal);
        return outcome with { Terminated = outcome.Terminated || endsAnyway };
    }
}
