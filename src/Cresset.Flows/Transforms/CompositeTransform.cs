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
    /// Keep only the output for the backward pass and win the activations back by inversion: memory does not grow with depth, one inverse
    /// more of time. Parts should be cheap and exact to invert (couplings, ActNorm, 1x1 convolutions); what is won back is compared with
    /// the input, and computed forwards where it is off.
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

    /// <summary>
    /// Why the last backward pass of <see cref="RecomputeActivations"/> did not invert: a part has no inverse or an inexact one. The inputs
    /// were then computed forwards again, which is exact and keeps one input a part; null after an inversion that agreed with the input.
    /// </summary>
    public string? RecomputationFallback { get; private set; }

    /// <inheritdoc/>
    public override bool TakesContext => _parts.Any(p => p.TakesContext);

    internal override int? SampleDimensions => _parts.Count > 0 ? _parts[0].SampleDimensions : null;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        Refuse(context);
        return RecomputeActivations && is_grad_enabled()
            ? ReversibleChain.Forward(Parts, x, context, reason => RecomputationFallback = reason)
            : Run([.. _parts], x, context, static (part, value, c) => part.Forward(value, c));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        Refuse(context);
        return Run([.. _parts.Reverse()], z, context, static (part, value, c) => part.Inverse(value, c));
    }

    private void Refuse(Tensor? context)
    {
        if (context is not null && !TakesContext) RefuseContext(context);
    }

    private static (Tensor Output, Tensor LogAbsDet) Run(FlowTransform[] parts, Tensor value, Tensor? context,
        Func<FlowTransform, Tensor, Tensor?, (Tensor, Tensor)> apply)
    {
        using var scope = NewDisposeScope();
        Tensor current = value.alias(), total = zeros(value.size(0), dtype: value.dtype, device: value.device);
        foreach (var part in parts)
        {
            var (output, logAbsDet) = apply(part, current, part.TakesContext ? context : null);
            current = output;
            total = total + logAbsDet;
        }
        return Move(current, total);
    }
}
