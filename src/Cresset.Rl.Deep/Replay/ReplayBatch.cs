using System.Runtime.InteropServices;

namespace Cresset.Rl.Deep;

/// <summary>Transitions drawn from a replay buffer; the arrays are overwritten by the next draw.</summary>
public sealed class ReplayBatch
{
    /// <summary>Memory for <paramref name="size"/> transitions.</summary>
    /// <param name="size">Number of transitions.</param>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="actionSize">Values of a continuous action; 1 for choices.</param>
    /// <param name="maskSize">Entries of an action mask; 0 where there is none.</param>
    public ReplayBatch(int size, int observationSize, int actionSize = 1, int maskSize = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actionSize);
        ArgumentOutOfRangeException.ThrowIfNegative(maskSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(observationSize);
        (Size, ObservationSize) = (size, observationSize);
        Observations = new float[size * observationSize];
        NextObservations = new float[size * observationSize];
        (ActionSize, MaskSize) = (actionSize, maskSize);
        Actions = new int[size * actionSize];
        Masks = new bool[size * maskSize];
        NextMasks = new bool[size * maskSize];
        Returns = new float[size];
        Discounts = new float[size];
        Weights = new float[size];
        Rows = new int[size];
        Array.Fill(Weights, 1);
    }

    /// <summary>Number of transitions.</summary>
    public int Size { get; }

    /// <summary>Values of an observation.</summary>
    public int ObservationSize { get; }

    /// <summary>Values of an action.</summary>
    public int ActionSize { get; }

    /// <summary>Entries of a mask; 0 where there is none.</summary>
    public int MaskSize { get; }

    /// <summary>Which actions were allowed, [Size, MaskSize].</summary>
    public bool[] Masks { get; }

    /// <summary>Which actions were allowed in the next observation, [Size, MaskSize].</summary>
    public bool[] NextMasks { get; }

    /// <summary>Where the actions were taken, [Size, ObservationSize].</summary>
    public float[] Observations { get; }

    /// <summary>Where the sums of rewards end, [Size, ObservationSize].</summary>
    public float[] NextObservations { get; }

    /// <summary>Choices, [Size].</summary>
    public int[] Actions { get; }

    /// <summary>Continuous actions, [Size, ActionSize]: the same memory as <see cref="Actions"/>.</summary>
    public Span<float> ActionValues => MemoryMarshal.Cast<int, float>(Actions.AsSpan());

    /// <summary>Discounted sums of up to n rewards, [Size].</summary>
    public float[] Returns { get; }

    /// <summary>What the value of the next observation is multiplied by: gamma^k, 0 where the task ended, [Size].</summary>
    public float[] Discounts { get; }

    /// <summary>Importance weights divided by the batch's largest; 1 for even draws, [Size].</summary>
    public float[] Weights { get; }

    /// <summary>Rows of the buffer, for new priorities, [Size].</summary>
    public int[] Rows { get; }

    /// <summary>Takes over one transition of a batch of the same sizes.</summary>
    internal void Take(ReplayBatch from, int row, int to)
    {
        from.Observations.AsSpan(row * ObservationSize, ObservationSize).CopyTo(Observations.AsSpan(to * ObservationSize));
        from.NextObservations.AsSpan(row * ObservationSize, ObservationSize).CopyTo(NextObservations.AsSpan(to * ObservationSize));
        from.Actions.AsSpan(row * ActionSize, ActionSize).CopyTo(Actions.AsSpan(to * ActionSize));
        from.Masks.AsSpan(row * MaskSize, MaskSize).CopyTo(Masks.AsSpan(to * MaskSize));
        from.NextMasks.AsSpan(row * MaskSize, MaskSize).CopyTo(NextMasks.AsSpan(to * MaskSize));
        (Returns[to], Discounts[to], Weights[to], Rows[to]) = (from.Returns[row], from.Discounts[row], from.Weights[row], from.Rows[row]);
    }

    internal Span<byte> ActionBytes(int row) => MemoryMarshal.AsBytes(Actions.AsSpan(row * ActionSize, ActionSize));

    internal ReadOnlySpan<bool> NextMask(int row) => MaskSize == 0 ? [] : NextMasks.AsSpan(row * MaskSize, MaskSize);

    internal ReadOnlySpan<bool> Mask(int row) => MaskSize == 0 ? [] : Masks.AsSpan(row * MaskSize, MaskSize);
}
