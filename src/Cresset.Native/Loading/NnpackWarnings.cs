using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// libtorch asks NNPACK for small convolutions. NNPACK refuses a machine that hides the sizes of its caches (many virtual ones do), and
/// libtorch says so on the error stream at every such convolution. Where that is known beforehand NNPACK is switched off: the same kernels
/// run, without the lines.
/// </summary>
internal static unsafe partial class NnpackWarnings
{
    // RTLD_LAZY | RTLD_NOLOAD: the library if it is in the process, never a load of another one.
    private const int IfLoaded = 1 | 4;
    private static bool _done = !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
        || WideConvolutions.ListsCaches();

    /// <summary>Does so once libtorch is loaded; nothing before, and nothing when it has been done.</summary>
    public static void Silence()
    {
        if (_done) return;
        nint library;
        try
        {
            library = Open("libtorch_cpu.so", IfLoaded);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library: the lines stay.
            _done = true;
            return;
        }
        if (library == 0) return;
        _done = true;
        if (!NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var context)
            || !NativeLibrary.TryGetExport(library, "_ZN2at7Context20setUserEnabledNNPACKEb", out var enable)) return;
        ((delegate* unmanaged[Cdecl]<nint, byte, void>)enable)(((delegate* unmanaged[Cdecl]<nint>)context)(), 0);
    }

    // Before glibc 2.34 only this one has it, and later ones keep it.
    [LibraryImport("libdl.so.2", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string name, int flags);
}
