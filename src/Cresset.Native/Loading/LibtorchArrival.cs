using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// What is settled when libtorch has come into the process and has computed nothing yet, on machines that hide their caches.
/// </summary>
internal static partial class LibtorchArrival
{
    // RTLD_LAZY | RTLD_NOLOAD: the library if it is in the process, never a load of another one.
    private const int IfLoaded = 1 | 4;
    private static readonly Lock Gate = new();
    private static volatile bool _done = WideConvolutions.ListsCaches();

    /// <summary>Looks whether it has come; called whenever a function of it is bound.</summary>
    public static void Look()
    {
        if (_done) return;
        // A thread that comes second waits until all is settled, and computes only then.
        lock (Gate)
        {
            if (_done) return;
            nint library;
            try
            {
                library = Open("libtorch_cpu.so", IfLoaded);
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
            {
                // Another C library.
                WideConvolutions.Settle(isLoaded: false);
                _done = true;
                return;
            }
            if (library == 0) return;
            WideConvolutions.Settle(isLoaded: true);
            NnpackWarnings.Silence(library);
            _done = true;
        }
    }

    /// <summary>Nobody will look: what can be done beforehand is done now.</summary>
    public static void NeverTold()
    {
        lock (Gate)
        {
            if (_done) return;
            WideConvolutions.Settle(isLoaded: false);
            _done = true;
        }
    }

    // Before glibc 2.34 only this one has it, and later ones keep it.
    [LibraryImport("libdl.so.2", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string name, int flags);
}
