using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>Online and target network of a Q-learner with their optimizer.</summary>
internal abstract class QLearner : INetworkState, IDisposable
{
    /// <summary>Mean action values of the online network.</summary>
    /// <param name="observations">[count, observation size].</param>
    /// <param name="count">Rows.</param>
    /// <param name="values">Receives [count, actions].</param>
    /// <param name="noise">Use the noise last drawn; otherwise none.</param>
    /// <param name="memory">What each row remembers, [count, units]; receives what it remembers after this step. Empty where nothing is
    /// remembered, or where the rows are the first of their episodes.</param>
    public abstract void Values(ReadOnlySpan<float> observations, int count, Span<float> values, bool noise, Span<float> memory = default);

    /// <summary>One gradient step; returns loss and gradient norm, and one error a transition for priorities.</summary>
    /// <param name="batch">The transitions.</param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="errors">Receives the errors of what was learned from.</param>
    /// <param name="stretches">How the transitions follow each other in time, where something is remembered.</param>
    public abstract (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, Span<float> errors,
        Stretches? stretches = null);

    /// <summary>One gradient step towards given goals for mean values (no target network).</summary>
    /// <param name="observations">[count, observation size].</param>
    /// <param name="actions">[count].</param>
    /// <param name="goals">[count].</param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="stretches">How the rows follow each other in time, where something is remembered.</param>
    public abstract (double Loss, double Norm) Regress(float[] observations, int[] actions, float[] goals, double learningRate,
        Stretches? stretches = null);

    /// <summary>New noise for both networks.</summary>
    public abstract void DrawNoise();

    public abstract void FollowTarget(double share);

    public abstract void Save(Snapshot state);

    public abstract void Load(Snapshot state);

    public abstract void SavePolicy(Snapshot state);

    public abstract void LoadPolicy(Snapshot state);

    public abstract void Dispose();
}
