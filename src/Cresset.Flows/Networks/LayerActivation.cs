using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// An activation between the layers of a flow's network. It takes each value by itself, so that masks hold and a tangent is multiplied by
/// one derivative, and has nothing to train, so that the keys of a network do not depend on it.
/// </summary>
internal sealed class LayerActivation
{
    private const double SeluScale = 1.0507009873554805;
    private const double SeluAlpha = 1.6732632423543772;

    // The derivatives by hand save a trace of a velocity field one differentiation a layer and step. They are of the functions' defaults.
    private static readonly Dictionary<ActivationOptions, (Func<Tensor, Tensor> Value,
        Func<Tensor, Tensor, Tensor> Derivative)> Known = new()
        {
            [new ReluActivation()] = (x => x.relu(), (x, _) => (x > 0).to(x.dtype)),
            [new EluActivation()] = (x => nn.functional.elu(x, 1), (x, value) => where(x > 0, ones_like(x), value + 1)),
            [new TanhActivation()] = (x => x.tanh(), (_, value) => 1 - value * value),
            [new SoftplusActivation()] = (x => nn.functional.softplus(x, 1, 20), (x, _) => x.sigmoid()),
            [new SiluActivation()] = (x => nn.functional.silu(x), (x, value) => x.sigmoid() + value * (1 - x.sigmoid())),
            [new SeluActivation()] = (x => nn.functional.selu(x),
            (x, value) => where(x > 0, full_like(x, SeluScale), value + SeluScale * SeluAlpha)),
        };

    private readonly Func<Tensor, Tensor> _value;
    private readonly Func<Tensor, Tensor, Tensor>? _derivative;

    /// <exception cref="ArgumentException">The activation mixes values, changes their number or has weights.</exception>
    public LayerActivation(ActivationOptions options)
    {
        if (Refuses(options) is { } reason) throw new ArgumentException($"{options}: {reason}.", nameof(options));
        if (Known.TryGetValue(options, out var known)) (_value, _derivative) = known;
        else _value = options.Build().call;
    }

    /// <summary>What <see cref="Refuses"/> lets pass, for <see cref="OptionChecks"/>.</summary>
    public const string Allowed = "an activation of each value by itself without weights, for example silu (cresset list --activations)";

    /// <summary>Why networks of flows do not take an activation; null when they do.</summary>
    public static string? Refuses(ActivationOptions options) => options switch
    {
        null => "no activation",
        CatalogActivation { Info.Kind: ActivationKind.Elementwise } => null,
        CatalogActivation { Info.Kind: ActivationKind.Trainable } => "it has weights of its own",
        CatalogActivation { Info.Kind: ActivationKind.Threshold } => "its derivative is a stand-in",
        CatalogActivation => "it does not act on each value by itself",
        _ when !options.KeepsShape => "it changes the number of values",
        _ when HasWeights(options) => "it has weights of its own",
        _ => null,
    };

    public Tensor Apply(Tensor x) => _value(x);

    /// <summary>The derivative at x; <paramref name="value"/> is the activation there.</summary>
    public Tensor Derivative(Tensor x, Tensor value)
    {
        using var scope = NewDisposeScope();
        if (_derivative is not null) return _derivative(x, value).MoveToOuterDisposeScope();
        // A field is trained through its trace: then the derivative belongs to the graph.
        var graph = is_grad_enabled() && x.requires_grad;
        using var withGraph = enable_grad();
        if (!graph) value = _value(x = x.detach().requires_grad_());
        // Summed, each value's gradient is its own derivative.
        return (Derivatives.Of([value.sum()], [x], retainGraph: true, createGraph: graph)[0] ?? zeros_like(x)).MoveToOuterDisposeScope();
    }

    private static bool HasWeights(ActivationOptions options)
    {
        using var module = options.Build();
        return module.parameters().Any();
    }
}
