using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A learned rotation of vectors [N, D] as a product of Householder reflections (Tomczak and Welling 2016); log-det 0.</summary>
public sealed class HouseholderTransform : FlowTransform
{
    [ComponentName(Name = "vectors")]
    private readonly Parameter _vectors;

    /// <summary>Makes a product of <paramref name="count"/> reflections; D of them reach every rotation up to a sign.</summary>
    public HouseholderTransform(int features, int count, Generator? generator = null)
        : base(nameof(HouseholderTransform))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        _vectors = new Parameter(randn(count, features, generator: generator).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        return Apply(x, backwards: false);
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        return Apply(z, backwards: true);
    }

    private (Tensor, Tensor) Apply(Tensor value, bool backwards)
    {
        Cresset.Tensors.Shape.Expect(value, "N D", ("D", _vectors.size(1)));
        using var scope = NewDisposeScope();
        var unit = _vectors / _vectors.norm(1, keepdim: true);
        var result = value.alias();
        for (long i = 0; i < unit.size(0); i++)
        {
            var v = unit[backwards ? unit.size(0) - 1 - i : i];
            // x - 2 v (v . x)
            result = result - 2 * result.mv(v).unsqueeze(1) * v;
        }
        return Move(result, zeros(value.size(0), dtype: value.dtype, device: value.device));
    }
}
