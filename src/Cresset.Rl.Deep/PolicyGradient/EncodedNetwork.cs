using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>An encoder, a GRU that remembers (Cho et al. 2014), then fully connected layers; the first two may be left out.</summary>
internal sealed class EncodedNetwork : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    [ComponentName(Name = "encoder")]
    private readonly nn.Module<Tensor, Tensor>? _encoder;
    [ComponentName(Name = "memory")]
    private readonly GRUCell? _memory;
    [ComponentName(Name = "layers")]
    private readonly ModuleList<Linear> _layers;
    private readonly Linear[] _stack;
    private readonly MlpActivation _activation;

    private EncodedNetwork(nn.Module<Tensor, Tensor>? encoder, long features, int outputs, ActorCriticOptions options)
        : base(nameof(EncodedNetwork))
    {
        (_encoder, _activation, MemorySize) = (encoder, options.Activation, options.Memory);
        if (MemorySize > 0) _memory = nn.GRUCell(features, MemorySize);
        long[] widths = [MemorySize > 0 ? MemorySize : features, .. options.Hidden.Select(h => (long)h), outputs];
        _stack = [.. Enumerable.Range(0, widths.Length - 1).Select(i => nn.Linear(widths[i], widths[i + 1]))];
        _layers = new ModuleList<Linear>(_stack);
        RegisterComponents();
    }

    /// <summary>Units of the GRU; 0 for none.</summary>
    public int MemorySize { get; }

    /// <exception cref="ArgumentException">The encoder does not make rows of features.</exception>
    public static EncodedNetwork Make(int observationSize, int outputs, ActorCriticOptions options, Func<nn.Module<Tensor, Tensor>>? make)
    {
        if (make is null) return new EncodedNetwork(null, observationSize, outputs, options);
        var encoder = make();
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var features = encoder.call(zeros(1, observationSize));
        return features.dim() == 2
            ? new EncodedNetwork(encoder, features.size(1), outputs, options)
            : throw new ArgumentException(
                $"The encoder makes {Tensors.Shape.Text(features)} from [1, {observationSize}]; needed is [1, features].");
    }

    /// <inheritdoc/>
    public void DrawWeights(Generator? generator)
    {
        if (_memory is not null) MemoryCell.Start(_memory, MemorySize, generator);
    }

    public void ScaleLast(float factor)
    {
        if (factor == 1) return;
        using var quiet = no_grad();
        _stack[^1].weight!.mul_(factor);
        _stack[^1].bias!.mul_(factor);
    }

    /// <summary>[batch, observation] to [batch, outputs], where nothing is remembered.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Layers(Encoded(input)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// One step: observations [batch, observation] and memory [batch, units] to outputs [batch, outputs] and the memory after it.
    /// </summary>
    public (Tensor Outputs, Tensor Memory) Step(Tensor input, Tensor memory)
    {
        using var scope = NewDisposeScope();
        var after = _memory!.call(Encoded(input), memory);
        return (Layers(after).MoveToOuterDisposeScope(), after.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Stretches of time: observations [stretches * steps, observation], memory before them [stretches, units], 0 where it is forgotten
    /// before a step [stretches, steps, 1]; to outputs [stretches * steps, outputs].
    /// </summary>
    public Tensor Remember(Tensor input, Tensor memory, Tensor kept)
    {
        using var scope = NewDisposeScope();
        var after = MemoryCell.Unroll(_memory!, Encoded(input), memory, kept);
        return Layers(after.view(-1, MemorySize)).MoveToOuterDisposeScope();
    }

    private Tensor Encoded(Tensor input) => _encoder is null ? input.alias() : _encoder.call(input);

    private Tensor Layers(Tensor x)
    {
        for (var i = 0; i < _stack.Length; i++)
        {
            x = _stack[i].call(x);
            if (i < _stack.Length - 1) x = _activation == MlpActivation.Tanh ? x.tanh() : nn.functional.relu(x);
        }
        return x;
    }
}
