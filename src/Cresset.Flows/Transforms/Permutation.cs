using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Reorders features or channels (dimension 1).</summary>
public sealed class Permutation : FlowTransform
{
    [ComponentName(Name = "permutation")]
    private readonly Tensor _forward;
    [ComponentName(Name = "inverse")]
    private readonly Tensor _inverse;

    /// <summary>Output i is input order[i].</summary>
    /// <exception cref="ArgumentException">Not a permutation of 0 .. D - 1.</exception>
    public Permutation(IReadOnlyList<int> order)
        : base(nameof(Permutation))
    {
        ArgumentNullException.ThrowIfNull(order);
        if (!order.Order().SequenceEqual(Enumerable.Range(0, order.Count)))
            throw new ArgumentException($"[{string.Join(", ", order)}] is not a permutation of 0 .. {order.Count - 1}.", nameof(order));
        var inverse = new long[order.Count];
        for (var i = 0; i < order.Count; i++) inverse[order[i]] = i;
        _forward = tensor(order.Select(i => (long)i).ToArray()).DetachFromDisposeScope();
        _inverse = tensor(inverse).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <summary>Last feature first.</summary>
    public static Permutation Reverse(int features) => new([.. Enumerable.Range(0, features).Reverse()]);

    /// <summary>A random order.</summary>
    public static Permutation Random(int features, Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var order = Enumerable.Range(0, features).ToArray();
        random.Shuffle(order);
        return new Permutation(order);
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        return Apply(x, _forward);
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        return Apply(z, _inverse);
    }

    private static (Tensor, Tensor) Apply(Tensor value, Tensor order)
    {
        if (value.dim() < 2 || value.size(1) != order.size(0)) throw Cresset.Tensors.Shape.Wrong(value, $"[N, {order.size(0)}, ...]");
        return (value.index_select(1, order), zeros(value.size(0), dtype: value.dtype, device: value.device));
    }
}
