using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>
/// libtorch's own tracer (torch::jit::tracer::trace), which the shared library exports to C++ and not to C: its arguments are laid out here
/// as libstdc++ lays them out, which holds for Linux on x64 alone.
/// </summary>
internal static unsafe class NativeTracer
{
    private const string TraceName =
        "_ZN5torch3jit6tracer5traceESt6vectorIN3c106IValueESaIS4_EERKSt8functionIFS6_S6_EES7_IFNSt7__cxx1112basic_string"
        + "IcSt11char_traitsIcESaIcEEERKN2at6TensorEEEbbPNS0_6ModuleERKS2_ISH_SaISH_EE";

    private const string TextName = "_ZNK5torch3jit5Graph8toStringB5cxx11Eb";
    private const string ListenName = "_ZN5torch3jit6tracer23setRecordSourceLocationEPFvPNS0_4NodeEE";
    private const int TensorTag = 1;

    // Per thread, as libtorch's own record of operations is: what to do when an operation is recorded.
    [ThreadStatic]
    private static Action? _onOperation;

    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>The graph of operations that <paramref name="run"/> makes of the inputs.</summary>
    /// <param name="inputs">What keeps its identity: the inputs, parameters and buffers.</param>
    /// <param name="run">Calls the module; its results are the graph's.</param>
    /// <param name="onOperation">Called at each operation, while the code that asked for it is on the stack.</param>
    public static TracedGraph Trace(IReadOnlyList<Tensor> inputs, Func<IReadOnlyList<Tensor>> run, Action? onOperation = null)
    {
        // What the module throws must come out here: libtorch ends the process over a graph that an error has left half written.
        if (onOperation is null)
        {
            using var scope = NewDisposeScope();
            run();
        }
        var library = Libtorch();
        var trace =
            (delegate* unmanaged[Cdecl]<void*, Vector*, nint*, nint*, byte, byte, void*, Vector*, void*>)NativeLibrary.GetExport(library,
                TraceName);
        var text = (delegate* unmanaged[Cdecl]<byte*, nint, byte, byte*>)NativeLibrary.GetExport(library, TextName);
        var listen = (delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<nint, void>, void>)NativeLibrary.GetExport(library, ListenName);
        var call = new Call(run);
        var handle = GCHandle.Alloc(call);
        try
        {
            var values = NewValues(inputs);
            // A std::function: sixteen bytes of its own, a manager, an invoker.
            var function = stackalloc nint[4]
            {
                GCHandle.ToIntPtr(handle), 0, (nint)(delegate* unmanaged[Cdecl]<void*, void*, int, int>)&Manage,
                (nint)(delegate* unmanaged[Cdecl]<Vector*, nint*, Vector*, Vector*>)&Invoke,
            };
            var names = stackalloc nint[4] { 0, 0, function[2], (nint)(delegate* unmanaged[Cdecl]<byte*, void*, void*, byte*>)&Name };
            Vector none = default;
            var result = stackalloc byte[128];
            new Span<byte>(result, 128).Clear();
            _onOperation = onOperation;
            if (onOperation is not null) listen(&Listen);
            trace(result, &values, function, names, 1, 0, null, &none);
            call.Failure?.Throw();
            var graph = *(nint*)(*(nint*)result + 16);
            var printed = stackalloc byte[32];
            text(printed, graph, 0);
            var parsed = TracedGraph.Parse(Encoding.UTF8.GetString((byte*)*(nint*)printed, checked((int)*(long*)(printed + 8))));
            TracedConstants.Read(library, graph, parsed);
            return parsed;
        }
        finally
        {
            _onOperation = null;
            handle.Free();
            GC.KeepAlive(inputs);
        }
    }

    private static nint Libtorch()
    {
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            if (line.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal))
                return NativeLibrary.Load(line[line.IndexOf('/', StringComparison.Ordinal)..]);
        }
        throw new InvalidOperationException("libtorch_cpu.so is not loaded in this process.");
    }

    /// <summary>Memory of the C++ library's own allocator.</summary>
    internal static void* Allocate(nuint bytes)
        => ((delegate* unmanaged[Cdecl]<nuint, void*>)NativeLibrary.GetExport(NativeLibrary.Load("libstdc++.so.6"), "_Znwm"))(bytes);

    // The vector and its values are the callee's, who frees them with the C++ library's own allocator.
    private static Vector NewValues(IReadOnlyList<Tensor> tensors)
    {
        var values = (Value*)Allocate((nuint)(sizeof(Value) * Math.Max(tensors.Count, 1)));
        for (var i = 0; i < tensors.Count; i++)
        {
            var implementation = *(nint*)tensors[i].Handle;
            // Each value holds one reference; the count lies behind the table of virtual functions.
            Interlocked.Increment(ref Unsafe.AsRef<long>((void*)(implementation + 8)));
            values[i] = new Value { Payload = implementation, Tag = TensorTag };
        }
        return new Vector { Begin = (nint)values, End = (nint)(values + tensors.Count), Capacity = (nint)(values + tensors.Count) };
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static Vector* Invoke(Vector* result, nint* data, Vector* stack)
    {
        var call = (Call)GCHandle.FromIntPtr(*data).Target!;
        *result = default;
        try
        {
            *result = NewValues(call.Run());
        }
        catch (Exception e)
        {
            // No exception may cross the native frames above: it is thrown again behind them.
            call.Failure = ExceptionDispatchInfo.Capture(e);
        }
        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Manage(void* target, void* source, int operation) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Listen(nint node) => _onOperation?.Invoke();

    // Nobody asks for names: an empty std::string.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte* Name(byte* result, void* data, void* tensor)
    {
        *(nint*)result = (nint)(result + 16);
        *(long*)(result + 8) = 0;
        result[16] = 0;
        return result;
    }

    private sealed class Call(Func<IReadOnlyList<Tensor>> run)
    {
        public Func<IReadOnlyList<Tensor>> Run { get; } = run;

        public ExceptionDispatchInfo? Failure { get; set; }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Value
    {
        public nint Payload;
        public long Tag;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public nint Begin;
        public nint End;
        public nint Capacity;
    }
}
