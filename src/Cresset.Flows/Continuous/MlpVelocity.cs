using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Size of a <see cref="MlpVelocity"/>.</summary>
public sealed record MlpVelocityOptions : IOptionsRecord
{
    /// <summary>D.</summary>
    public int Features { get; init; } = 2;

    /// <summary>Context features; 0 for none.</summary>
    public int Context { get; init; }

    /// <summary>Widths of the hidden layers.</summary>
    public int[] Hidden { get; init; } = [64, 64, 64];

    /// <summary>Activation; smooth ones suit solvers.</summary>
    public ActivationOptions Activation { get; init; } = new SeluActivation();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Features, 1, 1_000_000)
        .AtLeast(Context, 0)
        .Must(Hidden is { Length: > 0 } && Hidden.All(h => h > 0), Hidden, "at least one width, all greater than 0")
        .Must(LayerActivation.Refuses(Activation) is null, Activation, LayerActivation.Allowed);
}

/// <summary>
/// A velocity field of vectors [N, D]: a perceptron over [x, context, t]. Its exact divergence is carried forward through the layers
/// together with the value, one tangent a dimension, instead of one backward pass a dimension.
/// </summary>
public sealed class MlpVelocity : nn.Module, IDivergenceModel
{
    private readonly MlpVelocityOptions _options;
    private readonly LayerActivation _activation;
    private readonly TorchSharp.Modules.Linear[] _layers;

    /// <summary>Makes the network.</summary>
    public MlpVelocity(MlpVelocityOptions options)
        : base(nameof(MlpVelocity))
    {
        _options = options.ThrowIfInvalid();
        _activation = new LayerActivation(options.Activation);
        long[] widths = [options.Features + options.Context + 1, .. options.Hidden.Select(h => (long)h), options.Features];
        _layers = new TorchSharp.Modules.Linear[widths.Length - 1];
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i] = nn.Linear(widths[i], widths[i + 1]);
            register_module($"l{i + 1}", _layers[i]);
        }
    }

    /// <inheritdoc/>
    public bool TakesContext => _options.Context > 0;

    /// <inheritdoc/>
    public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var h = Input(state, time, context);
        for (var i = 0; i < _layers.Length; i++)
        {
            h = _layers[i].call(h);
            if (i < _layers.Length - 1) h = _activation.Apply(h);
        }
        return h.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public (Tensor Velocity, Tensor Divergence) VelocityAndDivergence(Tensor state, Tensor time, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var dimensions = _options.Features;
        var count = state.size(0);
        var h = Input(state, time, context);
        // Tangents of the input coordinates [D, 1, width]: columns of the first weight, the same for all samples.
        Tensor tangents = _layers[0].weight!.to(h.dtype).narrow(1, 0, dimensions).t().unsqueeze(1);
        for (var i = 0; i < _layers.Length; i++)
        {
            h = _layers[i].call(h);
            if (i > 0 && i < _layers.Length - 1) tangents = tangents.MatMul(_layers[i].weight!.to(h.dtype).t());
            if (i == _layers.Length - 1) break;
            var value = _activation.Apply(h);
            tangents = tangents * _activation.Derivative(h, value).unsqueeze(0);
            h = value;
        }
        // Only the diagonal is wanted: tangent d against row d of the last weight.
        var divergence = (tangents * _layers[^1].weight!.to(h.dtype).unsqueeze(1)).sum([0, 2]);
        return (h.MoveToOuterDisposeScope(), divergence.expand(count).MoveToOuterDisposeScope());
    }

    private Tensor Input(Tensor state, Tensor time, Tensor? context)
    {
        Cresset.Tensors.Shape.Expect(state, "N D", ("D", _options.Features));
        Cresset.Tensors.Shape.Expect(time, "N", ("N", state.size(0)));
        var given = Conditioner.ContextOf(state, context, _options.Context);
        if (given is null) return cat([state, time.unsqueeze(1)], 1);
        return cat([state, given, time.unsqueeze(1)], 1);
    }
}
