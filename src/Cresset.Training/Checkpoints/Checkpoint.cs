using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>One saved state of a run.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="File">Name of the safetensors file within the checkpoint folder.</param>
/// <param name="Sha256">Hash of the file, lower-case hexadecimal; empty for a file that no index lists.</param>
/// <param name="Metric">The headline metric when it was saved; null when it was not evaluated then.</param>
public sealed record Checkpoint(int Step, string File, string Sha256, double? Metric);

/// <summary>A checkpoint file opened for reading, already verified.</summary>
/// <param name="Checkpoint">Its entry.</param>
/// <param name="Source">Its tensors: <c>model/…</c>, <c>average/…</c>, <c>optimizer/…</c>, <c>rng/…</c>.</param>
public sealed record OpenedCheckpoint(Checkpoint Checkpoint, ITensorSource Source) : IDisposable
{
    /// <summary>Closes the file.</summary>
    public void Dispose() => Source.Dispose();
}
