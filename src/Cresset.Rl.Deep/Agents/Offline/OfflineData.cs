namespace Cresset.Rl.Deep;

/// <summary>Recorded transitions where an agent learns.</summary>
internal static class OfflineData
{
    /// <exception cref="ArgumentException">The transitions do not fit the environment.</exception>
    public static void Check<TAction>(VectorEnvironment<float, TAction> environments, TransitionData data, string file)
        where TAction : unmanaged
    {
        var (observations, actions) = (environments.SingleObservationSpace, environments.SingleActionSpace);
        if (data.ObservationSize != observations.Size)
            throw new ArgumentException(
                $"{file}: its observations have {data.ObservationSize} values; the environment's are {observations}.", nameof(data));
        if (data.ActionSize != actions.Size)
            throw new ArgumentException($"{file}: its actions have {data.ActionSize} values; the environment's are {actions}.",
                nameof(data));
        if (environments.Moments.Count > 0)
            throw new ArgumentException(
                $"{file}: the environment scales observations by running moments, which recorded ones have no part in. Leave "
                    + $"normalize-observation out.", nameof(environments));
        if (!environments.Masks.IsEmpty)
            throw new ArgumentException($"{file}: the environment has action masks, which recorded transitions do not hold.",
                nameof(environments));
        var action = new TAction[data.ActionSize];
        for (var row = 0; row < data.Count; row++)
        {
            for (var k = 0; k < action.Length; k++) action[k] = Action<TAction>(data.Actions[(row * action.Length) + k], file, row);
            if (!actions.Contains(action))
                throw new ArgumentException(
                    $"{file}: the action of transition {row}, [{string.Join(", ", action)}], lies outside {actions}.", nameof(data));
        }
    }

    /// <summary>Puts transitions into a buffer, as if they had been lived through by its only copy.</summary>
    /// <exception cref="ArgumentException">The buffer is too small, or there are several copies.</exception>
    public static void Fill<TAction>(ReplayBuffer replay, VectorEnvironment<float, TAction> environments, string file,
        Action<ReplayBuffer, TransitionData, int, StepOutcome> add)
        where TAction : unmanaged
    {
        var data = TransitionData.Read(file);
        Check(environments, data, file);
        if (environments.Count > 1)
            throw new ArgumentException(
                $"{file}: recorded transitions go on from each other as those of one copy do; set training.environments=1 (it is "
                    + $"{environments.Count}).", nameof(environments));
        if (replay.Capacity < data.Count)
            throw new ArgumentException(
                $"{file} holds {data.Count} transitions; replay.capacity is {replay.Capacity}, so that the first would be lost. Set it to "
                    + $"{data.Count} or more.", nameof(replay));
        for (var row = 0; row < data.Count; row++)
        {
            add(replay, data, row, new StepOutcome(data.Rewards[row], data.Terminated[row], data.Truncated[row]));
            replay.EndTurn();
        }
    }

    private static TAction Action<TAction>(float value, string file, int row)
        where TAction : unmanaged
    {
        if (typeof(TAction) == typeof(float)) return (TAction)(object)value;
        if (value != MathF.Floor(value) || Math.Abs(value) > 1e9f)
            throw new ArgumentException($"{file}: the action of transition {row} is {value}; the environment takes whole numbers.");
        return typeof(TAction) == typeof(int) ? (TAction)(object)(int)value : (TAction)(object)(sbyte)Math.Clamp(value, -128, 127);
    }
}
