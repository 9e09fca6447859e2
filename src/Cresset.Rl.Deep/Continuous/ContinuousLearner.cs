using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>Policy and critics of an agent with continuous actions in [-1, 1].</summary>
internal abstract class ContinuousLearner : INetworkState, IDisposable
{
    /// <summary>Writes the actions to take, with exploration when <paramref name="explore"/> is set.</summary>
    /// <param name="observations">[count, observation size].</param>
    /// <param name="count">Rows; while exploring one for each copy of the environment.</param>
    /// <param name="actions">Receives [count, action size] in [-1, 1].</param>
    /// <param name="explore">The stream of the exploration; null for the policy's best actions.</param>
    /// <param name="memory">What each row remembers, [count, units]; receives what it remembers after this step. Empty where nothing is
    /// remembered, or where the rows are the first of their episodes.</param>
    public abstract void Act(ReadOnlySpan<float> observations, int count, Span<float> actions, RandomStream? explore,
        Span<float> memory = default);

    /// <summary>One gradient step.</summary>
    /// <param name="batch">The transitions.</param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="figures">Receives named figures.</param>
    /// <param name="stretches">The stretches that the transitions lie in, where something is remembered.</param>
    /// <returns>Loss of the critics and their gradient norm.</returns>
    public abstract (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, LearningFigures figures,
        StretchBatch? stretches = null);

    /// <summary>The episode of a copy is over.</summary>
    public virtual void EndEpisode(int copy)
    {
    }

    /// <summary>Collecting begins anew after a training.</summary>
    public virtual void BeginCollecting(RandomStream random)
    {
    }

    public abstract void Save(Snapshot state);

    public abstract void Load(Snapshot state);

    public abstract void SavePolicy(Snapshot state);

    public abstract void LoadPolicy(Snapshot state);

    public abstract void Dispose();
}
