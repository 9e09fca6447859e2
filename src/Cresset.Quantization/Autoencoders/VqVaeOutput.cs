using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>A reconstruction and what the quantizer did on the way.</summary>
/// <param name="Reconstruction">Shape of the input.</param>
/// <param name="Quantization">One entry per level, the coarsest first.</param>
public sealed record VqVaeOutput(Tensor Reconstruction, IReadOnlyList<QuantizerOutput> Quantization) : IDisposable
{
    /// <summary>Sum of the quantizers' losses, a float scalar. Belongs to the caller's scope.</summary>
    public Tensor QuantizerLoss()
    {
        using var scope = NewDisposeScope();
        return Quantization.Select(q => q.Loss).Aggregate((a, b) => a + b).alias().MoveToOuterDisposeScope();
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Reconstruction.Dispose();
        foreach (var quantization in Quantization) quantization.Dispose();
    }

    internal VqVaeOutput MoveToOuterScope()
    {
        Reconstruction.MoveToOuterDisposeScope();
        foreach (var quantization in Quantization) quantization.MoveToOuterScope();
        return this;
    }
}
