using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The planar flow z = x + u tanh(w . x + b) (Rezende and Mohamed 2015), u corrected so that w . u &gt; -1. The inverse is a bisection
/// along w.
/// </summary>
public sealed class PlanarTransform : FlowTransform
{
    [ComponentName(Name = "w")]
    private readonly Parameter _w;
    [ComponentName(Name = "u")]
    private readonly Parameter _u;
    [ComponentName(Name = "b")]
    private readonly Parameter _b;

    /// <summary>Makes the transform of vectors [N, D].</summary>
    public PlanarTransform(int features, Generator? generator = null)
        : base(nameof(PlanarTransform))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _w = new Parameter(randn(features, generator: generator).DetachFromDisposeScope());
        _u = new Parameter(randn(features, generator: generator).DetachFromDisposeScope());
        _b = new Parameter(zeros(1).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _w.size(0)));
        using var scope = NewDisposeScope();
        var (u, product) = Direction();
        var h = (x.mv(_w) + _b).tanh();
        return Move(x + h.unsqueeze(1) * u, (1 + (1 - h * h) * product).log());
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _w.size(0)));
        using var scope = NewDisposeScope();
        var (u, product) = Direction();
        // a = w . x solves a + (w . u) tanh(a + b) = w . z.
        var a = MonotoneRoot.Solve(z.mv(_w), product, v => (v + _b).tanh(), h => 1 - h * h);
        var h = (a + _b).tanh();
        return Move(z - h.unsqueeze(1) * u, -(1 + (1 - h * h) * product).log());
    }

    private (Tensor U, Tensor Product) Direction()
    {
        var product = _w.dot(_u);
        var allowed = nn.functional.softplus(product, 1, 20) - 1;
        return (_u + (allowed - product) * _w / _w.dot(_w), allowed);
    }
}

/// <summary>Roots of v + c h(v) = target where the left side increases.</summary>
internal static class MonotoneRoot
{
    /// <summary>Bisects without a graph, then takes one Newton step with it, which is exact in value and gradient.</summary>
    public static Tensor Solve(Tensor target, Tensor factor, Func<Tensor, Tensor> bounded, Func<Tensor, Tensor> derivative)
    {
        Tensor v;
        using (no_grad())
        {
            var low = target - factor.abs() - 1e-3;
            var high = target + factor.abs() + 1e-3;
            for (var i = 0; i < 60; i++)
            {
                var middle = (low + high) * 0.5;
                var above = middle + factor * bounded(middle) > target;
                (low, high) = (where(above, low, middle), where(above, middle, high));
            }
            v = (low + high) * 0.5;
        }
        var h = bounded(v);
        return v - (v + factor * h - target) / (1 + factor * derivative(h)).detach();
    }
}
