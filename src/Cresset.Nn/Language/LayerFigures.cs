using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>What shows on one batch how the layers of a decoder learn.</summary>
/// <param name="DeadUnits">
/// Share of the hidden units of each feed-forward block that answer every token of the batch alike (within 1e-6), 0 to 1.
/// </param>
/// <param name="GradientNorms">
/// Euclidean norm of the loss's gradient by the matrices of each block that learn: norms and an activation's own numbers would make blocks
/// of different kinds incomparable.
/// </param>
public sealed record LayerFigures(IReadOnlyList<double> DeadUnits, IReadOnlyList<double> GradientNorms)
{
    // A gate that is shut, or a rectifier that never opens, gives zeros; rounding is no answer.
    private const double Alike = 1e-6;

    /// <summary>Runs the batch forth and back; gradients that the weights hold are not touched.</summary>
    /// <param name="model">The model.</param>
    /// <param name="ids">Tokens, int64 [N, L].</param>
    /// <param name="targets">What comes after each, int64 [N, L]; -1 for what does not count.</param>
    public static LayerFigures Of(DecoderTransformer model, Tensor ids, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(targets);
        using var scope = NewDisposeScope();
        using var graph = enable_grad();
        var dead = new List<double>();
        var scores = model.Watched(ids, hidden =>
        {
            using var inner = NewDisposeScope();
            using var quiet = no_grad();
            var rows = hidden.detach().flatten(0, -2);
            dead.Add((rows.amax([0]) - rows.amin([0])).le(Alike).to(ScalarType.Float64).mean().ToDouble());
        });
        var learning = model.Blocks.Select(b => b.parameters().Where(p => p.requires_grad && p.dim() > 1).ToList<Tensor>()).ToList();
        var all = learning.SelectMany(p => p).ToList();
        if (all.Count == 0) return new LayerFigures(dead, [.. learning.Select(_ => 0.0)]);
        var loss = nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index: -1);
        var gradients = Derivatives.Of([loss], all);
        var (norms, next) = (new List<double>(), 0);
        foreach (var block in learning)
        {
            var squares = block.Select(_ => gradients[next++]).OfType<Tensor>()
                .Sum(g => g.to(ScalarType.Float64).square().sum().ToDouble());
            norms.Add(Math.Sqrt(squares));
        }
        return new LayerFigures(dead, norms);
    }
}
