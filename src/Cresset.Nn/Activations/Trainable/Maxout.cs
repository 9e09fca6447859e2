using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// The largest of several linear maps, [..., in] to [..., out]. Goodfellow et al. 2013. Key: <c>linear</c> with out * pieces rows.
/// </summary>
public sealed class Maxout : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "linear")]
    private readonly Linear _linear;

    private readonly int _pieces;

    /// <summary>Builds the layer.</summary>
    public Maxout(long inFeatures, long outFeatures, int pieces = 2, Generator? generator = null)
        : base(nameof(Maxout))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pieces, 1);
        _pieces = pieces;
        _linear = nn.Linear(inFeatures, outFeatures * pieces);
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Apply(_linear.call(input), _pieces).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The maximum of each group of <paramref name="pieces"/> neighbouring channels of <paramref name="dim"/>, which shrinks by that
    /// factor.
    /// </summary>
    /// <exception cref="ShapeException">The dimension is not a multiple of the pieces.</exception>
    public static Tensor Apply(Tensor x, int pieces = 2, long dim = -1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pieces, 1);
        var axis = (int)(dim < 0 ? x.dim() + dim : dim);
        if (x.size(axis) % pieces != 0)
            throw new ShapeException($"Maxout: dimension {dim} of {Shape.Text(x)} is not a multiple of {pieces} pieces.");
        using var scope = NewDisposeScope();
        var shape = x.shape.ToList();
        shape[axis] /= pieces;
        shape.Insert(axis + 1, pieces);
        return x.reshape([.. shape]).max(axis + 1).values.MoveToOuterDisposeScope();
    }
}
