using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// Stretches of a replay to learn from (Kapturowski et al. 2019): all of their steps, and those behind the burn-in, which are learned from,
/// as a batch of their own.
/// </summary>
internal sealed class StretchBatch
{
    /// <summary>Memory for stretches.</summary>
    /// <param name="size">Transitions that are learned from.</param>
    /// <param name="steps">How many of them a stretch has; they divide <paramref name="size"/>.</param>
    /// <param name="burnIn">Steps before them that only bring the memory up to date.</param>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="actionSize">Values of a continuous action; 1 for choices.</param>
    /// <param name="maskSize">Entries of an action mask; 0 where there is none.</param>
    /// <param name="memorySize">Values that are remembered.</param>
    public StretchBatch(int size, int steps, int burnIn, int observationSize, int actionSize, int maskSize, int memorySize)
    {
        var (count, all) = (size / steps, steps + burnIn);
        BurnIn = burnIn;
        Learned = new ReplayBatch(size, observationSize, actionSize, maskSize);
        All = new ReplayBatch(count * all, observationSize, actionSize, maskSize);
        Stretches = new Stretches(all, new bool[count * all], new float[count * memorySize]);
    }

    /// <summary>Steps of a stretch that are not learned from.</summary>
    public int BurnIn { get; }

    /// <summary>Every step, stretch after stretch.</summary>
    public ReplayBatch All { get; }

    /// <summary>The steps that are learned from.</summary>
    public ReplayBatch Learned { get; }

    /// <summary>How the steps follow each other.</summary>
    public Stretches Stretches { get; }

    /// <summary>Draws new stretches.</summary>
    /// <exception cref="InvalidOperationException">The buffer holds fewer rounds than a stretch has steps.</exception>
    public void Draw(ReplayBuffer replay, RandomStream random)
    {
        replay.Sample(All, Stretches, random);
        var to = 0;
        for (var row = 0; row < All.Size; row++)
        {
            if (row % Stretches.Steps >= BurnIn) Learned.Take(All, row, to++);
        }
    }
}
