using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>Examples held in memory as tensors; owns them.</summary>
public sealed class TensorDataset : IDataset, IDisposable
{
    /// <summary>Takes over inputs [N, ...] and targets [N, ...] (or none).</summary>
    /// <exception cref="ShapeException">The numbers of examples differ.</exception>
    public TensorDataset(Tensor inputs, Tensor? targets = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.dim() == 0) throw Shape.Wrong(inputs, "[N, ...]");
        if (targets is not null && (targets.dim() == 0 || targets.size(0) != inputs.size(0)))
            throw Shape.Wrong(targets, $"[{inputs.size(0)}, ...] to match the inputs {Shape.Text(inputs)}");
        Inputs = inputs.DetachFromDisposeScope();
        Targets = targets?.DetachFromDisposeScope();
    }

    /// <summary>All inputs, [N, ...].</summary>
    public Tensor Inputs { get; }

    /// <summary>All targets, [N, ...].</summary>
    public Tensor? Targets { get; }

    /// <inheritdoc/>
    public int Count => checked((int)Inputs.size(0));

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request) => new Selection(this, request.Indices.Select(i => (long)i).ToArray());

    /// <summary>Examples from <paramref name="start"/> up to but not including <paramref name="end"/>, as a dataset of its own.</summary>
    public TensorDataset Slice(int start, int end)
    {
        if (start < 0 || end > Count || start >= end)
            throw new ArgumentOutOfRangeException(nameof(end), $"[{start}, {end}) lies not inside the {Count} examples.");
        using var scope = NewDisposeScope();
        return new TensorDataset(Inputs.narrow(0, start, end - start).clone(), Targets?.narrow(0, start, end - start).clone());
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Inputs.Dispose();
        Targets?.Dispose();
    }

    private sealed class Selection(TensorDataset data, long[] indices) : IPreparedBatch
    {
        public Batch ToBatch()
        {
            using var index = tensor(indices);
            return new Batch(data.Inputs.index_select(0, index), data.Targets?.index_select(0, index));
        }
    }
}
