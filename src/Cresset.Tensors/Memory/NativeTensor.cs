using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>What <see cref="TensorView"/> asks of a native tensor.</summary>
internal static partial class NativeTensor
{
    /// <summary>The address of the first element; 0 where the tensor has no memory (meta, sparse, empty).</summary>
    public static nint Data(Tensor tensor)
    {
        var address = THSTensor_data(tensor.Handle);
        GC.KeepAlive(tensor);
        return address;
    }

    public static ScalarType Type(Tensor tensor)
    {
        var type = (ScalarType)THSTensor_type(tensor.Handle);
        GC.KeepAlive(tensor);
        return type;
    }

    /// <summary>
    /// Strided CPU memory that holds the values themselves: not their negatives, as <c>z.conj().imag</c> does, nor their conjugates.
    /// </summary>
    public static bool IsPlain(Tensor tensor)
    {
        var handle = tensor.Handle;
        var plain = (DeviceType)THSTensor_device_type(handle) == DeviceType.CPU && THSTensor_is_sparse(handle) == 0
            && THSTensor_is_neg(handle) == 0 && THSTensor_is_conj(handle) == 0;
        GC.KeepAlive(tensor);
        return plain;
    }

    /// <summary>Uninitialised CPU memory in the layout of the tensor, without a gradient.</summary>
    public static Tensor EmptyLike(Tensor tensor, ScalarType type)
    {
        var made = THSTensor_empty_like(tensor.Handle, (sbyte)type, (int)DeviceType.CPU, -1, 0);
        GC.KeepAlive(tensor);
        if (made == 0) AutogradNative.ThrowIfFailed();
        return Tensor.UnsafeCreateTensor(made);
    }

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_empty_like(nint handle, sbyte type, int deviceType, int deviceIndex, byte requiresGradient);

    // What only reads a field of the tensor is over before the runtime could have been told that it is away.
    [LibraryImport("LibTorchSharp")]
    [SuppressGCTransition]
    private static partial nint THSTensor_data(nint handle);

    [LibraryImport("LibTorchSharp")]
    [SuppressGCTransition]
    private static partial sbyte THSTensor_type(nint handle);

    [LibraryImport("LibTorchSharp")]
    [SuppressGCTransition]
    private static partial int THSTensor_device_type(nint handle);

    [LibraryImport("LibTorchSharp")]
    [SuppressGCTransition]
    private static partial byte THSTensor_is_sparse(nint handle);

    [LibraryImport("LibTorchSharp")]
    [SuppressGCTransition]
    private static partial byte THSTensor_is_neg(nint handle);

    [LibraryImport("LibTorchSharp")]
    [SuppressGCTransition]
    private static partial byte THSTensor_is_conj(nint handle);
}
