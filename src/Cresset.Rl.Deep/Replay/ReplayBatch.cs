namespace Cresset.Rl.Deep;

/// <summary>Transitions drawn from a replay buffer; the arrays are overwritten by the next draw.</summary>
public sealed class ReplayBatch
{
    /// <summary>Memory for <paramref name="size"/> transitions.</summary>
    public ReplayBatch(int size, int observationSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(observationSize);
        (Size, ObservationSize) = (size, observationSize);
        Observations = new float[size * observationSize];
        NextObservations = new float[size * observationSize];
        Actions = new int[size];
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

    /// <summary>Where the actions were taken, [Size, ObservationSize].</summary>
    public float[] Observations { get; }

    /// <summary>Where the sums of rewards end, [Size, ObservationSize].</summary>
    public float[] NextObservations { get; }

    /// <summary>Actions, [Size].</summary>
    public int[] Actions { get; }

    /// <summary>Discounted sums of up to n rewards, [Size].</summary>
    public float[] Returns { get; }

    /// <summary>What the value of the next observation is multiplied by: gamma^k, 0 where the task ended, [Size].</summary>
    public float[] Discounts { get; }

    /// <summary>Importance weights divided by the batch's largest; 1 for even draws, [Size].</summary>
    public float[] Weights { get; }

    /// <summary>Rows of the buffer, for new priorities, [Size].</summary>
    public int[] Rows { get; }
}
