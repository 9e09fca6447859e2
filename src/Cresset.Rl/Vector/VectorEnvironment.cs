namespace Cresset.Rl;

/// <summary>
/// Several copies of an environment stepped together. All results lie in arrays of the vector environment that the next call overwrites;
/// nothing is allocated per step.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public abstract class VectorEnvironment<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <summary>Makes the arrays for <paramref name="count"/> copies.</summary>
    protected VectorEnvironment(int count, Space<TObservation> observationSpace, Space<TAction> actionSpace, AutoresetMode autoreset)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (!Enum.IsDefined(autoreset)) throw new ArgumentOutOfRangeException(nameof(autoreset), autoreset, "Not a mode.");
        Count = count;
        SingleObservationSpace = observationSpace;
        SingleActionSpace = actionSpace;
        Autoreset = autoreset;
        ObservationArray = new TObservation[count * observationSpace.Size];
        FinalArray = autoreset == AutoresetMode.SameStep ? new TObservation[ObservationArray.Length] : [];
        RewardArray = new double[count];
        TerminatedArray = new bool[count];
        TruncatedArray = new bool[count];
        IsResetArray = new bool[count];
        MaskSize = ActionMasks.SizeOf(actionSpace);
    }

    /// <summary>Number of copies.</summary>
    public int Count { get; }

    /// <summary>Observations of one copy.</summary>
    public Space<TObservation> SingleObservationSpace { get; }

    /// <summary>Actions of one copy.</summary>
    public Space<TAction> SingleActionSpace { get; }

    /// <summary>When ended copies are reset.</summary>
    public AutoresetMode Autoreset { get; }

    /// <summary>The current observations, [Count, ObservationSpace.Size].</summary>
    public ReadOnlySpan<TObservation> Observations => ObservationArray;

    /// <summary>
    /// In <see cref="AutoresetMode.SameStep"/> the last observations of the episodes that ended in this step,
    /// [Count, ObservationSpace.Size]; rows of copies that go on are stale. Empty in the other modes.
    /// </summary>
    public ReadOnlySpan<TObservation> FinalObservations => FinalArray;

    /// <summary>Reward of each copy in the last step.</summary>
    public ReadOnlySpan<double> Rewards => RewardArray;

    /// <summary>Which copies reached an end of their task in the last step.</summary>
    public ReadOnlySpan<bool> Terminated => TerminatedArray;

    /// <summary>Which copies were cut in the last step.</summary>
    public ReadOnlySpan<bool> Truncated => TruncatedArray;

    /// <summary>In <see cref="AutoresetMode.NextStep"/> the copies that the last step only reset.</summary>
    public ReadOnlySpan<bool> IsReset => IsResetArray;

    /// <summary>Entries of the mask of one copy; 0 where actions are not choices.</summary>
    public int MaskSize { get; }

    /// <summary>Which actions the current states allow, [Count, MaskSize]; empty where every action is always allowed.</summary>
    public ReadOnlySpan<bool> Masks => MaskArray;

    /// <summary>
    /// In <see cref="AutoresetMode.SameStep"/> the masks that belong to <see cref="FinalObservations"/>; empty without masks.
    /// </summary>
    public ReadOnlySpan<bool> FinalMasks => FinalMaskArray;

    /// <summary>
    /// Reward of each copy in the last step before any <see cref="NormalizeReward{TObservation,TAction}"/> scaled it: what returns are
    /// counted in.
    /// </summary>
    public virtual ReadOnlySpan<double> RawRewards => RewardArray;

    /// <summary>
    /// The running moments of observations that the copies share, outermost first; they belong to the policy that learns here.
    /// </summary>
    public virtual IReadOnlyList<RunningMoments> Moments => [];

    /// <summary>
    /// Copies whose episode was lost by the last <see cref="Load"/> because their environment cannot be saved: they have been reset.
    /// </summary>
    public virtual IReadOnlyList<int> Lost => [];

    /// <summary>
    /// The goals of the world, so that hindsight can judge by others; null where it has none, or where a wrapper changes its observations
    /// or rewards.
    /// </summary>
    public virtual IGoalEnvironment? Goals => null;

    /// <summary>Mean return at which the task counts as solved; null where none is known.</summary>
    public virtual double? RewardThreshold => null;

    /// <summary>The array behind <see cref="Masks"/>; empty where there are none.</summary>
    protected bool[] MaskArray { get; set; } = [];

    /// <summary>The array behind <see cref="FinalMasks"/>.</summary>
    protected bool[] FinalMaskArray { get; set; } = [];

    /// <summary>The array behind <see cref="Observations"/>.</summary>
    protected TObservation[] ObservationArray { get; }

    /// <summary>The array behind <see cref="FinalObservations"/>.</summary>
    protected TObservation[] FinalArray { get; }

    /// <summary>The array behind <see cref="Rewards"/>.</summary>
    protected double[] RewardArray { get; }

    /// <summary>The array behind <see cref="Terminated"/>.</summary>
    protected bool[] TerminatedArray { get; }

    /// <summary>The array behind <see cref="Truncated"/>.</summary>
    protected bool[] TruncatedArray { get; }

    /// <summary>The array behind <see cref="IsReset"/>.</summary>
    protected bool[] IsResetArray { get; }

    /// <summary>Starts an episode in every copy.</summary>
    /// <param name="seed">Seed of the vector environment; how it is shared among the copies is said by each kind.</param>
    public abstract void Reset(ulong? seed = null);

    /// <summary>Takes one action a copy.</summary>
    /// <param name="actions">[Count, ActionSpace.Size].</param>
    public abstract void Step(ReadOnlySpan<TAction> actions);

    /// <summary>Writes everything that decides the steps to come.</summary>
    public abstract void Save(BinaryWriter writer);

    /// <summary>Restores what <see cref="Save"/> wrote.</summary>
    public abstract void Load(BinaryReader reader);
}
