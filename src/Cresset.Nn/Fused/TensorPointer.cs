using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The address of a contiguous CPU tensor's first element. TorchSharp's <c>bytes</c> stops at 2 GiB and takes a detour through a span.</summary>
internal static partial class TensorPointer
{
    public static unsafe float* Of(Tensor tensor)
    {
        var address = THSTensor_data(tensor.Handle);
        GC.KeepAlive(tensor);
        return (float*)address;
    }

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint handle);
}
