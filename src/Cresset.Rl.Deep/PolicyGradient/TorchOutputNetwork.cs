using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>An encoder of any kind, a memory and fully connected layers, over libtorch.</summary>
internal sealed class TorchOutputNetwork : OutputNetwork
{
    private readonly EncodedNetwork _network;
    private readonly Optimizer _adam;
    private readonly Device _device;
    private readonly int _observationSize;
    private readonly float[] _slopes;
    private float[] _outputs;
    private float[] _acting = [];
    private Tensor? _result;
    private double _scale = 1;

    public TorchOutputNetwork(int observationSize, int outputs, ActorCriticOptions options, int maxRows, RandomStream initial,
        float outputScale, Func<nn.Module<Tensor, Tensor>>? encoder)
    {
        (_observationSize, Outputs) = (observationSize, outputs);
        _device = ComputeDevice.Resolve(options.Device);
        _network = EncodedNetwork.Make(observationSize, outputs, options, encoder);
        using (var generator = new Generator(initial.NextUInt64())) Initialize.Reset(_network, generator);
        _network.ScaleLast(outputScale);
        _network.to(_device);
        _adam = new Optimizer(_network,
            new AdamRule { LearningRate = 1, Beta1 = options.Beta1, Beta2 = options.Beta2, Epsilon = options.AdamEpsilon });
        (_outputs, _slopes) = (new float[maxRows * outputs], new float[maxRows * outputs]);
    }

    public override int Outputs { get; }

    public override int MemorySize => _network.MemorySize;

    public override ReadOnlySpan<float> Act(ReadOnlySpan<float> observations, int count, Span<float> memory, out int stride)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        if (_acting.Length < count * Outputs) _acting = new float[count * Outputs];
        if (MemorySize == 0)
        {
            Read(_network.call(Batch(observations, count)), _acting);
        }
        else
        {
            var (outputs, remembered) = _network.Step(Batch(observations, count),
                tensor(memory.ToArray(), [count, MemorySize], device: _device));
            Read(outputs, _acting);
            Read(remembered, memory);
        }
        stride = Outputs;
        return _acting.AsSpan(0, count * Outputs);
    }

    public override void Forward(ReadOnlySpan<float> observations, int rows, Stretches? stretches = null)
    {
        _result?.Dispose();
        using var scope = NewDisposeScope();
        if (_outputs.Length < rows * Outputs) _outputs = new float[rows * Outputs];
        _result =
            (MemorySize == 0 ? _network.call(Batch(observations, rows))
                : Remember(Batch(observations, rows), stretches!)).DetachFromDisposeScope();
        Read(_result, _outputs);
    }

    public override ReadOnlySpan<float> Output(int row) => _outputs.AsSpan(row * Outputs, Outputs);

    public override Span<float> Slope(int row) => _slopes.AsSpan(row * Outputs, Outputs);

    public override double Backward()
    {
        var result = _result ?? throw new InvalidOperationException("There was no forward pass.");
        using var scope = NewDisposeScope();
        _adam.ZeroGrad();
        // The sum of slope times output has the slopes as its gradient.
        (result * tensor(_slopes.AsSpan(0, (int)result.numel()).ToArray(), result.shape, device: _device)).sum().backward();
        _scale = 1;
        var squares = 0.0;
        foreach (var parameter in _network.parameters())
        {
            if (parameter.grad is { } gradient) squares += gradient.square().sum().ToDouble();
        }
        return squares;
    }

    /// <summary>The gradient of a parameter after <see cref="Backward"/>, flat.</summary>
    internal float[] Gradient(string name)
    {
        using var scope = NewDisposeScope();
        return _network.named_parameters().First(p => p.name == name).parameter.grad!.cpu().contiguous().data<float>().ToArray();
    }

    public override void Scale(float factor) => _scale = factor;

    public override void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        _adam.Groups[0].LearningRate = learningRate;
        _adam.Step(gradientScale: _scale);
    }

    public override void SaveNetwork(Snapshot state, string prefix)
    {
        foreach (var (key, value) in StateDict.Of(_network)) state.Put(prefix + key, value);
    }

    public override void LoadNetwork(Snapshot state, string prefix)
    {
        try
        {
            StateDict.Load(_network, state.Under(prefix));
        }
        catch (CheckpointException e)
        {
            throw new InvalidDataException($"The state does not fit the network: {e.Message}", e);
        }
    }

    public override void SaveOptimizer(Snapshot state, string name) => _adam.Save(state.Part($"optimizer/{name}"));

    public override void LoadOptimizer(Snapshot state, string name) => _adam.Load(state.Part($"optimizer/{name}"));

    public override void Dispose()
    {
        _result?.Dispose();
        _adam.Dispose();
        _network.Dispose();
        base.Dispose();
    }

    private Tensor Remember(Tensor observations, Stretches stretches)
    {
        var count = stretches.Begins.Length / stretches.Steps;
        var kept = new float[stretches.Begins.Length];
        for (var i = 0; i < kept.Length; i++) kept[i] = stretches.Begins[i] ? 0 : 1;
        return _network.Remember(
            observations, tensor(stretches.Memory.AsSpan(0, count * MemorySize).ToArray(), [count, MemorySize], device: _device),
            tensor(kept, [count, stretches.Steps, 1], device: _device));
    }

    private static void Read(Tensor values, Span<float> to)
    {
        using var scope = NewDisposeScope();
        using var view = TensorView.Dense<float>(TensorView.ToDense(values.detach().cpu()));
        view.Span.CopyTo(to);
    }

    private Tensor Batch(ReadOnlySpan<float> values, int count) => tensor(values.ToArray(), [count, _observationSize], device: _device);
}
