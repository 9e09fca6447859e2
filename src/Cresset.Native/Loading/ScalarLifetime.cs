using System.Reflection;
using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// TorchSharp 0.107 lets a <c>Scalar</c> die while native code still reads it: it passes the handle and keeps nothing alive, so that a
/// garbage collection on another thread during <c>a + b</c> frees the 1 that b is multiplied with. The sum then fails, or is of something
/// else. Here the function that frees scalars is bound to one that frees each of them a quarter of a million later.
/// </summary>
internal static unsafe class ScalarLifetime
{
    private const string Library = "LibTorchSharp", Function = "THSTorch_dispose_scalar";
    private const int Kept = 1 << 18;
    private static readonly nint[] Waiting = new nint[Kept];
    private static Assembly? _torchSharp;
    private static nint _stand;
    private static int _next;
    private static delegate* unmanaged<nint, void> _free;

    public static void Register()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            LibtorchArrival.NeverTold();
            return;
        }
        foreach (var loaded in AppDomain.CurrentDomain.GetAssemblies()) Extend(loaded);
        AppDomain.CurrentDomain.AssemblyLoad += (_, e) => Extend(e.LoadedAssembly);
    }

    private static void Extend(Assembly assembly)
    {
        if (assembly.GetName().Name != "TorchSharp" || _torchSharp is not null) return;
        var method = assembly.GetType("TorchSharp.PInvoke.NativeMethods")?.GetMethod(Function,
            BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public, [typeof(nint)]);
        if (method is null)
        {
            LibtorchArrival.NeverTold();
            return;
        }
        _torchSharp = assembly;
        try
        {
            if (MemoryFile.TryInMemory(Function,
                OneFunctionLibrary.Build(Function, (nint)(delegate* unmanaged<nint, void>)&FreeLater)) is not { } path)
            {
                LibtorchArrival.NeverTold();
                return;
            }
            _stand = NativeLibrary.Load(path);
            // The runtime asks for a library once a function, when the function is bound: this one is bound now.
            // An assembly has one resolver, so what waits for libtorch to be loaded is done by it as well.
            NativeLibrary.SetDllImportResolver(assembly, (name, _, _) =>
            {
                LibtorchArrival.Look();
                return name == Library ? _stand : 0;
            });
            Marshal.Prelink(method);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException
            or InvalidOperationException or IOException)
        {
            // Somebody else resolves TorchSharp's library, or no file in memory can be loaded here: then scalars live as long as they did.
            LibtorchArrival.NeverTold();
        }
        finally
        {
            _stand = 0;
        }
    }

    [UnmanagedCallersOnly]
    private static void FreeLater(nint scalar)
    {
        var old = Interlocked.Exchange(ref Waiting[Interlocked.Increment(ref _next) & (Kept - 1)], scalar);
        if (old == 0) return;
        if (_free is null)
        {
            if (!NativeLibrary.TryLoad(Library, _torchSharp!, null, out var library)
                || !NativeLibrary.TryGetExport(library, Function, out var free)) return;
            _free = (delegate* unmanaged<nint, void>)free;
        }
        _free(old);
    }
}
