using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Which tensors are one and the same. TorchSharp gives a new wrapper and a new handle whenever a tensor is read or assigned, as tied
/// weights are, so that neither tells: the native tensor behind them does.
/// </summary>
internal static unsafe class TensorIdentity
{
    /// <summary>Equal for two wrappers of one native tensor, which then share memory, gradient and version.</summary>
    public static nint Of(Tensor tensor)
    {
        // A handle points at an at::Tensor, which is one pointer to the implementation.
        var implementation = *(nint*)tensor.Handle;
        GC.KeepAlive(tensor);
        return implementation;
    }

    /// <summary>
    /// Where the memory starts, on whatever device; 0 for a tensor without memory. Different tensors at one place are views of one another.
    /// </summary>
    public static nint Place(Tensor tensor) => tensor.is_sparse ? 0 : NativeTensor.Data(tensor);
}
