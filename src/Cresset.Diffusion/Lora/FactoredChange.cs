using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// A change in one of LyCORIS's forms (Yeh et al. 2023): LoKr is the Kronecker product of two matrices, LoHa the product element by
/// element;
/// each of the two may itself be a product of two.
/// </summary>
internal sealed class FactoredChange : IWeightChange
{
    private readonly IReadOnlyList<Tensor> _first;
    private readonly IReadOnlyList<Tensor> _second;
    private readonly Func<Tensor, Tensor> _rows;

    /// <param name="isKronecker">LoKr; otherwise LoHa.</param>
    /// <param name="first">One matrix, or two to be multiplied; owned.</param>
    /// <param name="second">As <paramref name="first"/>.</param>
    /// <param name="part">The network.</param>
    /// <param name="target">The layer in the folder layout.</param>
    /// <param name="alpha">alpha of the file, or null.</param>
    /// <param name="rows">Chooses the rows that belong to this layer.</param>
    public FactoredChange(bool isKronecker, IReadOnlyList<Tensor> first, IReadOnlyList<Tensor> second, LoraPart part, string target,
        double? alpha, Func<Tensor, Tensor> rows)
    {
        (IsKronecker, _first, _second, Part, Target, _rows) = (isKronecker, first, second, part, target, rows);
        // The scale of a Kronecker product without inner rank is 1 whatever alpha says: LyCORIS writes a large number there.
        Rank = _second.Count == 2 ? _second[1].size(0) : _first.Count == 2 ? _first[1].size(0) : 0;
        Alpha = Rank == 0 ? 1 : alpha ?? Rank;
        using var delta = Delta();
        (Outputs, Inputs) = (delta.size(0), delta.size(1));
    }

    public bool IsKronecker { get; }

    public string Kind => (IsKronecker ? "LoKr" : "LoHa") + (Magnitude is null ? "" : " with magnitudes");

    public LoraPart Part { get; }

    public string Target { get; }

    public long Rank { get; }

    public double Alpha { get; }

    public long Outputs { get; }

    public long Inputs { get; }

    public Tensor? Magnitude { get; init; }

    public long Parameters => _first.Concat(_second).Sum(f => f.numel()) + (Magnitude?.numel() ?? 0);

    public Tensor Delta()
    {
        using var scope = NewDisposeScope();
        Tensor a = Product(_first), b = Product(_second);
        // A product element by element would stretch a single row or column without a word.
        if (!IsKronecker && !a.shape.SequenceEqual(b.shape))
            throw new ShapeException(
                $"The two matrices of '{Target}' have the shapes {Shape.Text(a)} and {Shape.Text(b)}; they must be the same.");
        var whole = IsKronecker ? a.kron(b) : a.mul(b);
        return _rows(whole.mul(Rank == 0 ? 1 : Alpha / Rank)).contiguous().MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var factor in _first.Concat(_second)) factor.Dispose();
        Magnitude?.Dispose();
    }

    // Kernels are laid flat: [out, in, k, k] to [out, in * k * k], as the weight they are added to.
    private static Tensor Product(IReadOnlyList<Tensor> factors)
    {
        var last = factors[^1].to(ScalarType.Float32).flatten(1);
        return factors.Count == 1 ? last : factors[0].to(ScalarType.Float32).flatten(1).MatMul(last);
    }
}
