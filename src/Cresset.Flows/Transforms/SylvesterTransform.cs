using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// z = x + sum of u tanh(w . x + b) (Rezende and Mohamed 2015) with m terms that see each other only through an upper triangular product: a
/// Sylvester flow (van den Berg et al. 2018, with a learned orthogonal Q); one term is the planar flow.
/// The inverse solves the triangular system in Q^T x, one number after the other.
/// </summary>
public sealed class SylvesterTransform : FlowTransform
{
    private readonly long _features;
    private readonly long _terms;
    [ComponentName(Name = "vectors")]
    private readonly Parameter _vectors;
    [ComponentName(Name = "r1")]
    private readonly Parameter _first;
    [ComponentName(Name = "r2")]
    private readonly Parameter _second;
    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;

    /// <summary>Makes the transform with <paramref name="terms"/> hidden units, at most the number of features.</summary>
    public SylvesterTransform(int features, int terms = 1, Generator? generator = null)
        : base(nameof(SylvesterTransform))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (terms < 1 || terms > features)
            throw new ArgumentOutOfRangeException(nameof(terms), terms, $"The number of terms must lie in [1, {features}].");
        _features = features;
        _terms = terms;
        _vectors = new Parameter(randn(features, terms, generator: generator).DetachFromDisposeScope());
        _first = new Parameter((randn(terms, terms, generator: generator) * 0.5).DetachFromDisposeScope());
        _second = new Parameter((randn(terms, terms, generator: generator) * 0.5).DetachFromDisposeScope());
        _bias = new Parameter((randn(terms, generator: generator) * 0.5).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var (q, r1, r2) = Matrices();
        var hidden = (x.MatMul(q).MatMul(r2.t()) + _bias).tanh();
        return Move(x + hidden.MatMul(r1.t()).MatMul(q.t()), LogDet(hidden, r1, r2));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var (q, r1, r2) = Matrices();
        // In the span of Q the map is v + R1 tanh(R2 v + b), triangular: solve from the last coordinate up.
        var target = z.MatMul(q);
        var columns = new Tensor[_terms];
        for (var i = _terms - 1; i >= 0; i--)
        {
            var known = i + 1 < _terms ? stack(columns[((int)i + 1)..], 1) : null;
            var inside = known is null ? _bias[i] : _bias[i] + known.mv(r2[i].narrow(0, i + 1, _terms - i - 1));
            var offset = target.select(1, i);
            for (var j = i + 1; j < _terms; j++)
            {
                var rest = stack(columns[(int)j..], 1);
                offset = offset - r1[i, j] * (rest.mv(r2[j].narrow(0, j, _terms - j)) + _bias[j]).tanh();
            }
            var (diagonal, slope) = (r1[i, i], r2[i, i]);
            columns[i] = MonotoneRoot.Solve(offset, diagonal, v => (slope * v + inside).tanh(), h => slope * (1 - h * h));
        }
        var v = stack(columns, 1);
        var hidden = (v.MatMul(r2.t()) + _bias).tanh();
        return Move(z - hidden.MatMul(r1.t()).MatMul(q.t()), -LogDet(hidden, r1, r2));
    }

    private (Tensor Q, Tensor R1, Tensor R2) Matrices()
    {
        var q = linalg.qr(_vectors).Q;
        // The product of the diagonals must exceed -1 for the map to be invertible: tanh keeps each within (-1, 1).
        var r1 = _first.triu(1) + _first.diagonal().tanh().diag();
        var r2 = _second.triu(1) + _second.diagonal().tanh().diag();
        return (q, r1, r2);
    }

    private static Tensor LogDet(Tensor hidden, Tensor r1, Tensor r2)
        => (1 + (1 - hidden * hidden) * (r1.diagonal() * r2.diagonal())).log().sum(1);
}
