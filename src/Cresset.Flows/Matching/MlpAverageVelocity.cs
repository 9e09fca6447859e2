using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// An average velocity of vectors [N, D]: a perceptron over [x, context, from, to]; keys as in <see cref="MlpVelocity"/>.
/// </summary>
public sealed class MlpAverageVelocity : nn.Module, IAverageVelocityModel
{
    private readonly MlpVelocityOptions _options;
    private readonly LayerActivation _activation;
    private readonly TorchSharp.Modules.Linear[] _layers;

    /// <summary>Makes the network; smooth activations suit the derivative along the path.</summary>
    public MlpAverageVelocity(MlpVelocityOptions options)
        : base(nameof(MlpAverageVelocity))
    {
        _options = options.ThrowIfInvalid();
        _activation = new LayerActivation(options.Activation);
        long[] widths = [options.Features + options.Context + 2, .. options.Hidden.Select(h => (long)h), options.Features];
        _layers = new TorchSharp.Modules.Linear[widths.Length - 1];
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i] = nn.Linear(widths[i], widths[i + 1]);
            register_module($"l{i + 1}", _layers[i]);
        }
    }

    /// <inheritdoc/>
    public Tensor Average(Tensor state, Tensor from, Tensor to, Tensor? context = null)
    {
        Cresset.Tensors.Shape.Expect(state, "N D", ("D", _options.Features));
        Cresset.Tensors.Shape.Expect(from, "N", ("N", state.size(0)));
        Cresset.Tensors.Shape.Expect(to, "N", ("N", state.size(0)));
        using var scope = NewDisposeScope();
        var given = Conditioner.ContextOf(state, context, _options.Context);
        Tensor[] parts = given is null ? [state, from.unsqueeze(1), to.unsqueeze(1)] : [state, given, from.unsqueeze(1), to.unsqueeze(1)];
        var h = cat(parts, 1);
        for (var i = 0; i < _layers.Length; i++)
        {
            h = _layers[i].call(h);
            if (i < _layers.Length - 1) h = _activation.Apply(h);
        }
        return h.MoveToOuterDisposeScope();
    }
}
