using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Transforms one after the other.</summary>
public sealed class CompositeTransform : FlowTransform
{
    [ComponentName(Name = "transforms")]
    private readonly ModuleList<FlowTransform> _parts;

    /// <summary>Chains the parts; forward applies the first one first.</summary>
    /// <param name="recompute">
    /// Keep only the output for the backward pass and win the activations back by inversion: memory does not grow with
    /// depth, one inverse more of time. All parts must be cheap and exact to invert (couplings, ActNorm, 1x1 convolutions).
    /// </param>
    /// <param name="parts">The transforms.</param>
    public CompositeTransform(IEnumerable<FlowTransform> parts, bool recompute = false)
        : base(nameof(CompositeTransform))
    {
        _parts = new ModuleList<FlowTransform>([.. parts]);
        RecomputeActivations = recompute;
        RegisterComponents();
    }

    /// <summary>The parts.</summary>
    public IReadOnlyList<FlowTransform> Parts => [.. _parts];

    /// <summary>Whether the backward pass wins activations back by inversion.</summary>
    public bool RecomputeActivations { get; set; }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
        => RecomputeActivations && is_grad_enabled() ? ReversibleChain.Forward(Parts, x, context) : Run([.. _parts], x, context, static (part, value, c) => part.Forward(value, c));

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
        => Run([.. _parts.Reverse()], z, context, static (part, value, c) => part.Inverse(value, c));

    private static (Tensor Output, Tensor LogAbsDet) Run(FlowTransform[] parts, Tensor value, Tensor? context, Func<FlowTransform, Tensor, Tensor?, (Tensor, Tensor)> apply)
    {
        using var scope = NewDisposeScope();
        Tensor current = value.alias(), total = zeros(value.size(0), dtype: value.dtype, device: value.device);
        foreach (var part in parts)
        {
            var (output, logAbsDet) = apply(part, current, context);
            current = output;
            total = total + logAbsDet;
        }
        return Move(current, total);
    }
}
