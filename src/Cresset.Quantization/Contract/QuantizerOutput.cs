using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The result of a quantizer.</summary>
/// <param name="Quantized">Quantized values, shape and dtype of the input; its gradient reaches the input by the quantizer's estimator.
/// Masked positions hold 0.</param>
/// <param name="Indices">Code indices (int64): the shape of the input without its vector dimension, and one more dimension at the end when
/// a vector has several indices; [N, L] with <see cref="Quantizer.Scales"/>. Masked positions and dropped stages hold -1.</param>
/// <param name="Loss">The weighted sum of <paramref name="Terms"/> (float scalar): add it to the reconstruction loss.</param>
/// <param name="Terms">The terms of the loss.</param>
/// <param name="Statistics">Usage, restarts, warnings.</param>
public sealed record QuantizerOutput(Tensor Quantized, Tensor Indices, Tensor Loss, IReadOnlyList<LossTerm> Terms,
    QuantizerStatistics Statistics) : IDisposable
{
    /// <summary>The term of that name, before its weight.</summary>
    /// <exception cref="KeyNotFoundException">No such term; the message lists the names.</exception>
    public Tensor Term(string name) => Terms.FirstOrDefault(t => t.Name == name)?.Value
        ?? throw new KeyNotFoundException(
            $"The quantizer has no loss term \"{name}\"; it has: {string.Join(", ", Terms.Select(t => t.Name))}.");

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Quantized.Dispose();
        Indices.Dispose();
        Loss.Dispose();
        foreach (var term in Terms) term.Value.Dispose();
    }

    internal void MoveToOuterScope()
    {
        Quantized.MoveToOuterDisposeScope();
        Indices.MoveToOuterDisposeScope();
        Loss.MoveToOuterDisposeScope();
        foreach (var term in Terms) term.Value.MoveToOuterDisposeScope();
    }
}
