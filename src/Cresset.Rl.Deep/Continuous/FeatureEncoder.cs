using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// What reads pictures for a policy and its critics, over libtorch, with its slowly following target. One encoder serves both, and only the
/// critics' loss teaches it: a policy's own gradient spoils what the critics judge by (Yarats et al. 2021).
/// </summary>
internal sealed class FeatureEncoder : IDisposable
{
    private readonly nn.Module<Tensor, Tensor> _online;
    private readonly nn.Module<Tensor, Tensor> _target;
    private readonly Optimizer _adam;
    private readonly Device _device;
    private readonly int _observationSize;
    private float[] _acting = [];
    private Tensor? _result;

    /// <summary>An encoder and a target that equals it.</summary>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="make">Makes a module [batch, observation] to [batch, features].</param>
    /// <param name="device">Where libtorch computes.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="initial">The stream of the weights.</param>
    /// <exception cref="ArgumentException">The module does not make rows of features.</exception>
    public FeatureEncoder(int observationSize, Func<nn.Module<Tensor, Tensor>> make, string device, int rows, RandomStream initial)
    {
        (_observationSize, _device) = (observationSize, ComputeDevice.Resolve(device));
        (_online, _target) = (make(), make());
        using (var generator = new Generator(initial.NextUInt64())) Initialize.Reset(_online, generator);
        _online.to(_device);
        _target.to(_device);
        Follow(1);
        _adam = new Optimizer(_online, new AdamRule { LearningRate = 1 });
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var features = _online.call(zeros(1, observationSize, device: _device));
        if (features.dim() != 2)
            throw new ArgumentException($"The encoder makes {Shape.Text(features)} from [1, {observationSize}]; needed is [1, features].",
                nameof(make));
        Features = (int)features.size(1);
        (Here, Next, NextByTarget, Slopes) = (new float[rows * Features], new float[rows * Features], new float[rows * Features],
            new float[rows * Features]);
    }

    /// <summary>The learner's encoder, or null where policy and critics read observations as they are.</summary>
    public static FeatureEncoder? Make(Space<float> observations, OffPolicyOptions options, RandomStream initial,
        Func<nn.Module<Tensor, Tensor>>? own)
        => PictureEncoder.Choose(observations, options.Encoder, own) is { } make
            ? new FeatureEncoder(observations.Size, make, options.Device, options.BatchSize, initial)
            : null;

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

    /// <summary>Features to act by, [count, Features].</summary>
    public ReadOnlySpan<float> Act(ReadOnlySpan<float> observations, int count)
    {
        if (_acting.Length < count * Features) _acting = new float[count * Features];
        using var quiet = no_grad();
        Read(_online, observations, count, _acting).Dispose();
        return _acting.AsSpan(0, count * Features);
    }

    /// <summary>Reads a batch; <see cref="Step"/> goes back from <see cref="Here"/>.</summary>
    public void Encode(ReplayBatch batch)
    {
        _result?.Dispose();
        _result = Read(_online, batch.Observations, batch.Size, Here);
        Array.Clear(Slopes);
        using var quiet = no_grad();
        Read(_online, batch.NextObservations, batch.Size, Next).Dispose();
        Read(_target, batch.NextObservations, batch.Size, NextByTarget).Dispose();
    }

    /// <summary>Moves the encoder against <see cref="Slopes"/>; returns the gradient's norm.</summary>
    public double Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        _adam.ZeroGrad();
        // The sum of slope times feature has the slopes as its gradient.
        Derivatives.Backward((_result! * tensor(Slopes, _result!.shape, device: _device)).sum());
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

    // The features, kept for a way back; the numbers alone are for managed code.
    private Tensor Read(nn.Module<Tensor, Tensor> encoder, ReadOnlySpan<float> observations, int count, Span<float> to)
    {
        using var scope = NewDisposeScope();
        var features = encoder.call(tensor(observations.ToArray(), [count, _observationSize], device: _device));
        using (var view = TensorView.Dense<float>(TensorView.ToDense(features.detach().cpu()))) view.Span.CopyTo(to);
        return features.DetachFromDisposeScope();
    }
}
