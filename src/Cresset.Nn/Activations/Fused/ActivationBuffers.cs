using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Memory that fused activations write into instead of new tensors, again and again: on large tensors worth more than any kernel. The
/// caller promises that results of one step are not used after the next <see cref="NextStep"/>: right for a training loop (forward,
/// backward, optimizer step, NextStep), wrong for anything that is kept. One thread at a time.
/// </summary>
public sealed class ActivationBuffers : IDisposable
{
    private readonly Dictionary<long, List<Tensor>> _slots = [];
    private readonly Dictionary<long, int> _used = [];

    /// <summary>Bytes held.</summary>
    public long Bytes => _slots.Sum(s => s.Key * sizeof(float) * s.Value.Count);

    /// <summary>All tensors given out so far may be overwritten from now on.</summary>
    public void NextStep() => _used.Clear();

    /// <summary>Frees the memory. Tensors given out stay valid: they share it.</summary>
    public void Dispose()
    {
        foreach (var slot in _slots.Values.SelectMany(s => s)) slot.Dispose();
        _slots.Clear();
        _used.Clear();
    }

    /// <summary>A float32 CPU tensor of the shape over memory of this pool, contents undefined.</summary>
    internal Tensor Rent(long[] shape)
    {
        var count = shape.Aggregate(1L, (a, b) => a * b);
        if (!_slots.TryGetValue(count, out var slots)) _slots[count] = slots = [];
        var index = _used.GetValueOrDefault(count);
        _used[count] = index + 1;
        if (index == slots.Count) slots.Add(TensorView.New<float>(count).DetachFromDisposeScope());
        using var scope = NewDisposeScope();
        // detach gives a tensor with autograd data of its own over the same memory.
        return slots[index].view(shape).detach().MoveToOuterDisposeScope();
    }
}
