using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// What reads observations for a policy and its critics, over libtorch, with its slowly following target. One encoder serves both, and only
/// the critics' loss teaches it: a policy's own gradient spoils what the critics judge by (Yarats et al. 2021).
/// </summary>
internal abstract class FeatureEncoder : IDisposable
{
    private readonly nn.Module _online;
    private readonly nn.Module _target;
    private readonly Optimizer _adam;
    private readonly int _observationSize;
    private float[] _acting = [];
    private Tensor? _result;

    /// <summary>An encoder and a target that equals it, which it takes over.</summary>
    /// <param name="online">Learns.</param>
    /// <param name="target">Follows.</param>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="features">Values that come out of a row.</param>
    /// <param name="device">Where libtorch computes.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="initial">The stream of the weights.</param>
    protected FeatureEncoder(nn.Module online, nn.Module target, int observationSize, int features, string device, int rows,
        RandomStream initial)
    {
        (_online, _target, _observationSize, Features, Device) = (online, target, observationSize, features, ComputeDevice.Resolve(device));
        using (var generator = new Generator(initial.NextUInt64())) Initialize.Reset(_online, generator);
        _online.to(Device);
        _target.to(Device);
        Follow(1);
        _adam = new Optimizer(_online, new AdamRule { LearningRate = 1 });
        (Here, Next, NextByTarget, Slopes) = (new float[rows * Features], new float[rows * Features], new float[rows * Features],
            new float[rows * Features]);
    }

    /// <summary>The learner's encoder, or null where policy and critics read observations as they are.</summary>
    public static FeatureEncoder? Make(Space<float> observations, OffPolicyOptions options, RandomStream initial,
        Func<nn.Module<Tensor, Tensor>>? own)
    {
        MemoryLimits.RefuseOwnEncoder(options.Memory, own);
        if (options.Memory > 0) return new MemoryEncoder(observations.Size, options.Memory, options.Device, options.BatchSize, initial);
        return PictureEncoder.Choose(observations, options.Encoder, own) is { } make
            ? new RowEncoder(observations.Size, make, options.Device, options.BatchSize, initial)
            : null;
    }

    /// <summary>Values that come out of a row.</summary>
    public int Features { get; }

    /// <summary>Features of the batch's observations, [rows, Features].</summary>
    public float[] Here { get; }

    /// <summary>Those of what followed.</summary>
    public float[] Next { get; }

    /// <summary>Those of what followed, by the target.</summary>
    public float[] NextByTarget { get; }

    /// <summary>Where the critics add their gradients by <see cref="Here"/>.</summary>
    public float[] Slopes { get; }

    /// <summary>Where libtorch computes.</summary>
    protected Device Device { get; }

    /// <summary>Features to act by, [count, Features].</summary>
    /// <param name="observations">[count, observation size].</param>
    /// <param name="count">Rows.</param>
    /// <param name="memory">What each row remembers, [count, units]; receives what it remembers after this step. Empty where nothing is
    /// remembered, or where the rows are the first of their episodes.</param>
    public ReadOnlySpan<float> Act(ReadOnlySpan<float> observations, int count, Span<float> memory)
    {
        if (_acting.Length < count * Features) _acting = new float[count * Features];
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Copy(Read(Batch(observations, count), memory), _acting);
        return _acting.AsSpan(0, count * Features);
    }

    /// <summary>Reads a batch; <see cref="Step"/> goes back from <see cref="Here"/>.</summary>
    /// <param name="batch">The transitions that are learned from.</param>
    /// <param name="stretches">The stretches that they lie in, where something is remembered.</param>
    public void Encode(ReplayBatch batch, StretchBatch? stretches = null)
    {
        using var scope = NewDisposeScope();
        _result?.Dispose();
        Array.Clear(Slopes);
        _result = ReadBatch(Batch(batch.Observations, batch.Size), Batch(batch.NextObservations, batch.Size), stretches)
            .DetachFromDisposeScope();
        Copy(_result, Here);
    }

    /// <summary>Moves the encoder against <see cref="Slopes"/>; returns the gradient's norm.</summary>
    public double Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        _adam.ZeroGrad();
        // The sum of slope times feature has the slopes as its gradient.
        Derivatives.Backward((_result! * tensor(Slopes, _result!.shape, device: Device)).sum());
        _adam.Groups[0].LearningRate = learningRate;
        return _adam.Step(GradientClipping.MeasureOnly()).GradientNorm;
    }

    /// <summary>Moves the target towards the encoder.</summary>
    public void Follow(double share) => SlowTarget.Follow(_target, _online, share);

    public void Save(Snapshot state)
    {
        Save(_online, state, "model/encoder.");
        Save(_target, state, "target/encoder.");
        _adam.Save(state.Part("optimizer/encoder"));
    }

    public void Load(Snapshot state)
    {
        Load(_online, state, "model/encoder.");
        Load(_target, state, "target/encoder.");
        _adam.Load(state.Part("optimizer/encoder"));
    }

    public void SavePolicy(Snapshot state) => Save(_online, state, "encoder.");

    public void LoadPolicy(Snapshot state) => Load(_online, state, "encoder.");

    public void Dispose()
    {
        _result?.Dispose();
        _adam.Dispose();
        _online.Dispose();
        _target.Dispose();
    }

    /// <summary>Features of rows to act by, [count, observation] to [count, Features]; what is remembered is brought up to date.</summary>
    protected abstract Tensor Read(Tensor observations, Span<float> memory);

    /// <summary>
    /// Features of a batch's observations with a way back; writes <see cref="Next"/> and <see cref="NextByTarget"/> by
    /// <see cref="Copy"/>.
    /// </summary>
    protected abstract Tensor ReadBatch(Tensor here, Tensor next, StretchBatch? stretches);

    /// <summary>The numbers of a tensor, for managed code.</summary>
    protected static void Copy(Tensor from, Span<float> to)
    {
        using var scope = NewDisposeScope();
        using var view = TensorView.Dense<float>(TensorView.ToDense(from.detach().cpu()));
        view.Span.CopyTo(to);
    }

    /// <summary>[count, observation].</summary>
    protected Tensor Batch(ReadOnlySpan<float> observations, int count) =>
        tensor(observations.ToArray(), [count, _observationSize], device: Device);

    private static void Save(nn.Module module, Snapshot state, string prefix)
    {
        foreach (var (key, value) in StateDict.Of(module)) state.Put(prefix + key, value);
    }

    private static void Load(nn.Module module, Snapshot state, string prefix)
    {
        try
        {
            StateDict.Load(module, state.Under(prefix));
        }
        catch (CheckpointException e)
        {
            throw new InvalidDataException($"The state does not fit the encoder: {e.Message}", e);
        }
    }
}
