using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// The numbers of a tensor in main memory whose rows may lie anywhere; made by <see cref="TensorView.Strided"/>, which checks it.
/// </summary>
/// <typeparam name="T">The element type; <see cref="ushort"/> is bfloat16 by its bits.</typeparam>
internal readonly unsafe struct StridedView<T> : IDisposable
    where T : unmanaged
{
    private readonly Tensor _tensor;
    private readonly long[] _strides;

    internal StridedView(Tensor tensor, nint start, long[] strides)
    {
        (_tensor, _strides) = (tensor, strides);
        Start = (T*)start;
    }

    /// <summary>The element at place 0 of every dimension.</summary>
    public T* Start { get; }

    /// <summary>Elements from one place of a dimension to the next; 0 where it is broadcast.</summary>
    public long Stride(int dimension) => _strides[dimension];

    /// <summary>Ends the use of the memory.</summary>
    public void Dispose() => GC.KeepAlive(_tensor);
}
