using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>The Q-learner over libtorch: any encoder, every kind of values, gradients by autograd.</summary>
internal sealed class TorchQLearner : QLearner
{
    private readonly DqnOptions _options;
    private readonly int _observationSize;
    private readonly RandomStream _noise;
    private readonly Device _device;
    private readonly QNetwork _online;
    private readonly QNetwork _target;
    private readonly Optimizer _adam;
    private readonly GradientClipping _clipping;
    private readonly TorchQLoss _loss;

    public TorchQLearner(Space<float> observations, int actions, DqnOptions options, RolloutStreams streams,
        Func<nn.Module<Tensor, Tensor>>? encoder)
    {
        (_options, _observationSize, _noise) = (options, observations.Size, streams.Noise);
        _device = ComputeDevice.Resolve(options.Device);
        encoder = PictureEncoder.Choose(observations, options.Encoder, encoder);
        (_online, _target) = (Make(encoder, actions), Make(encoder, actions));
        Start(streams.Weights, actions);
        _online.to(_device);
        _target.to(_device);
        FollowTarget(1);
        _adam = new Optimizer(_online, new AdamRule { LearningRate = 1, Epsilon = options.AdamEpsilon });
        _clipping = options.ClipNorm > 0 ? GradientClipping.Norm(options.ClipNorm) : GradientClipping.MeasureOnly();
        _loss = new TorchQLoss(options, streams.Noise);
    }

    public override void Values(ReadOnlySpan<float> observations, int count, Span<float> values, bool noise, Span<float> memory = default)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        _online.UseNoise(noise);
        Tensor? remembered = null;
        Tensor trunk;
        if (memory.IsEmpty) trunk = _online.Trunk(Batch(observations, count));
        else (trunk, remembered) = _online.Trunk(Batch(observations, count), Remembered(memory));
        var means = _loss.Means(_online.Values(trunk)).cpu();
        _online.UseNoise(true);
        Copy(means, values);
        if (remembered is not null) Copy(remembered.cpu(), memory);
    }

    private static void Copy(Tensor from, Span<float> to)
    {
        using var view = TensorView.Dense<float>(TensorView.ToDense(from));
        view.Span.CopyTo(to);
    }

    public override (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, Span<float> errors,
        Stretches? stretches = null)
    {
        using var scope = NewDisposeScope();
        var (steps, burnIn) = stretches is null ? (1, 0) : (stretches.Steps, _options.BurnIn);
        // What only brings the memory up to date is not learned from.
        Tensor Learned(Tensor rows) => burnIn == 0 ? rows
            : rows.view([batch.Size / steps, steps, .. rows.shape.Skip(1)]).narrow(1, burnIn, steps - burnIn).flatten(0, 1);
        var here = Batch(batch.Observations, batch.Size);
        var next = Learned(Batch(batch.NextObservations, batch.Size));
        var (losses, sizes) = _loss.Of(
            _online, _target,
            stretches is null ? new SeparateRows(here, next)
                : new RememberedRows(here, next, Remembered(stretches.Memory), Kept(stretches), burnIn),
            Learned(tensor(batch.Actions, ScalarType.Int64, _device)), Learned(Column(batch.Returns)), Learned(Column(batch.Discounts)),
            Mask(batch.Masks, batch.Size) is { } mask ? Learned(mask) : null,
            Mask(batch.NextMasks, batch.Size) is { } nextMask ? Learned(nextMask) : null);
        var result = Descend((losses * Learned(Column(batch.Weights))).mean(), learningRate);
        Copy(sizes.cpu(), errors);
        return result;
    }

    public override (double Loss, double Norm) Regress(float[] observations, int[] actions, float[] goals, double learningRate,
        Stretches? stretches = null)
    {
        using var scope = NewDisposeScope();
        var rows = Batch(observations, actions.Length);
        var trunk = stretches is null ? _online.Trunk(rows)
            : _online.Trunk(rows, Remembered(stretches.Memory), Kept(stretches)).Trunk;
        var values = _online.Values(trunk).squeeze(-1);
        return Descend(_loss.Regression(values, tensor(actions, ScalarType.Int64, _device), Column(goals)).mean(), learningRate);
    }

    public override void DrawNoise()
    {
        foreach (var layer in _online.NoisyLayers.Concat(_target.NoisyLayers))
        {
            var (into, outOf) = (new float[layer.InputNoise.Length], new float[layer.OutputNoise.Length]);
            Fill(into);
            Fill(outOf);
            layer.SetNoise(into, outOf);
        }
    }

    public override void FollowTarget(double share) => SlowTarget.Follow(_target, _online, share);

    public override void Save(Snapshot state)
    {
        state.Put("model", _online);
        state.Put("target", _target);
        _adam.Save(state);
        foreach (var (name, layer) in Noisy())
        {
            state.Put($"noise/{name}/into", layer.InputNoise);
            state.Put($"noise/{name}/out_of", layer.OutputNoise);
        }
    }

    public override void Load(Snapshot state)
    {
        LoadModule(_online, state, "model/");
        LoadModule(_target, state, "target/");
        _adam.Load(state);
        foreach (var (name, layer) in Noisy())
        {
            var (into, outOf) = (new float[layer.InputNoise.Length], new float[layer.OutputNoise.Length]);
            state.Get($"noise/{name}/into", into);
            state.Get($"noise/{name}/out_of", outOf);
            layer.SetNoise(into, outOf);
        }
    }

    public override void SavePolicy(Snapshot state)
    {
        foreach (var (key, value) in _online.state_dict()) state.Put(key, value);
    }

    public override void LoadPolicy(Snapshot state) => LoadModule(_online, state, "");

    public override void Dispose()
    {
        _adam.Dispose();
        _online.Dispose();
        _target.Dispose();
    }

    private static void LoadModule(QNetwork network, Snapshot state, string prefix)
    {
        var source = state.Under(prefix);
        try
        {
            StateDict.Load(network, source);
        }
        catch (CheckpointException e)
        {
            throw new InvalidDataException($"The state does not fit the network: {e.Message}", e);
        }
    }

    private QNetwork Make(Func<nn.Module<Tensor, Tensor>>? encoder, int actions)
    {
        if (encoder is null) return new QNetwork(_observationSize, actions, _options);
        var front = encoder();
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var features = front.call(zeros(1, _observationSize));
        if (features.dim() != 2)
            throw new ArgumentException($"The encoder makes {Shape.Text(features)} from [1, {_observationSize}]; needed is [1, features].",
                nameof(encoder));
        return new QNetwork(features.size(1), actions, _options, front);
    }

    // Fully connected networks start as the native ones do, from the same stream: the back ends can be compared.
    private void Start(RandomStream weights, int actions)
    {
        if (_online.IsPlain)
        {
            var head = new HeadLayout(actions, _options.Values == ValueKind.Mean ? 1 : _options.Atoms, _options.Dueling);
            var native = new MlpNetwork(
                new MlpShape
                {
                    Inputs = _observationSize,
                    Hidden = _options.Hidden,
                    Outputs = head.Raw,
                    LayerNorm = _options.LayerNorm,
                    Noisy = _options.Noisy,
                    NoiseScale = _options.NoiseScale
                }, weights);
            using var state = new Snapshot();
            MlpStateDict.Save(native, state);
            StateDict.Load(_online, state.Tensors);
            return;
        }
        using var generator = new Generator(weights.NextUInt64());
        Initialize.Reset(_online, generator);
    }

    private IEnumerable<(string Name, NoisyLinear Layer)> Noisy()
        => _online.NoisyLayers.Select((l, i) => ($"online/{i}", l)).Concat(_target.NoisyLayers.Select((l, i) => ($"target/{i}", l)));

    private void Fill(float[] factors)
    {
        foreach (ref var factor in factors.AsSpan())
        {
            var x = (float)_noise.NextNormal();
            factor = MathF.CopySign(MathF.Sqrt(MathF.Abs(x)), x);
        }
    }

    private (double Loss, double Norm) Descend(Tensor loss, double learningRate)
    {
        var value = loss.ToDouble();
        if (!double.IsFinite(value)) return (value, double.NaN);
        _adam.ZeroGrad();
        Derivatives.Backward(loss);
        _adam.Groups[0].LearningRate = learningRate;
        return (value, _adam.Step(_clipping).GradientNorm);
    }

    private Tensor Batch(ReadOnlySpan<float> values, int count) => tensor(values.ToArray(), [count, _observationSize], device: _device);

    private Tensor? Mask(bool[] allowed, int count)
        => allowed.Length == 0 ? null
            : tensor(Array.ConvertAll(allowed, a => a ? 0f : float.NegativeInfinity), [count, allowed.Length / count], device: _device);

    private Tensor Column(float[] values) => tensor(values, device: _device);

    private Tensor Remembered(ReadOnlySpan<float> memory) =>
        tensor(memory.ToArray(), [memory.Length / _online.MemorySize, _online.MemorySize], device: _device);

    private Tensor Kept(Stretches stretches)
        => tensor(Array.ConvertAll(stretches.Begins, begins => begins ? 0f : 1f),
            [stretches.Begins.Length / stretches.Steps, stretches.Steps, 1], device: _device);
}
