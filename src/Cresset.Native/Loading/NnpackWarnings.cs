using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// libtorch asks NNPACK for small convolutions. NNPACK refuses a machine that hides the sizes of its caches (many virtual ones do), and
/// libtorch says so on the error stream at every such convolution. There NNPACK is switched off: the same kernels run, without the lines.
/// </summary>
internal static unsafe class NnpackWarnings
{
    public static void Silence(nint library)
    {
        if (!NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var context)
            || !NativeLibrary.TryGetExport(library, "_ZN2at7Context20setUserEnabledNNPACKEb", out var enable)) return;
        ((delegate* unmanaged[Cdecl]<nint, byte, void>)enable)(((delegate* unmanaged[Cdecl]<nint>)context)(), 0);
    }
}
