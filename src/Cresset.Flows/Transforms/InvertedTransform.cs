using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A transform with its directions exchanged: an IAF is an inverted MAF.</summary>
public sealed class InvertedTransform : FlowTransform
{
    [ComponentName(Name = "transform")]
    private readonly FlowTransform _transform;

    /// <summary>Wraps a transform.</summary>
    public InvertedTransform(FlowTransform transform)
        : base(nameof(InvertedTransform))
    {
        _transform = transform;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _transform.TakesContext;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null) => _transform.Inverse(x, context);

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null) => _transform.Forward(z, context);
}
