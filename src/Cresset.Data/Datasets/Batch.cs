using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>One step's data.</summary>
/// <param name="Inputs">[N, ...].</param>
/// <param name="Targets">[N, ...] labels, codes or values; null where the task needs none.</param>
public sealed record Batch(Tensor Inputs, Tensor? Targets = null) : IDisposable
{
    /// <summary>Number of examples.</summary>
    public long Size => Inputs.size(0);

    /// <summary>Frees both tensors.</summary>
    public void Dispose()
    {
        Inputs.Dispose();
        Targets?.Dispose();
    }
}
