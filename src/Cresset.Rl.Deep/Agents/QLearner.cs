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
    public abstract void Values(ReadOnlySpan<float> observations, int count, Span<float> values, bool noise);

    /// <summary>One gradient step; returns loss and gradient norm, and one error a transition for priorities.</summary>
    public abstract (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, Span<float> errors);

    /// <summary>One gradient step towards given goals for mean values (no target network).</summary>
    /// <param name="observations">[count, observation size].</param>
    /// <param name="actions">[count].</param>
    /// <param name="goals">[count].</param>
    /// <param name="learningRate">Step size.</param>
    public abstract (double Loss, double Norm) Regress(float[] observations, int[] actions, float[] goals, double learningRate);

    /// <summary>New noise for both networks.</summary>
    public abstract void DrawNoise();

    public abstract void FollowTarget(double share);

    public abstract void Save(Snapshot state);

    public abstract void Load(Snapshot state);

    public abstract void SavePolicy(Snapshot state);

    public abstract void LoadPolicy(Snapshot state);

    public abstract void Dispose();
}
