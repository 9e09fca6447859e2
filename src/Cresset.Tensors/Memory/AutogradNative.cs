using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cresset.Tensors;

/// <summary>TorchSharp's native functions for nodes of the graph.</summary>
internal static unsafe partial class AutogradNative
{
    private const string Library = "LibTorchSharp";

    // libtorch_cpu's own function, which TorchSharp does not pass on; null where the library names it otherwise.
    private static readonly delegate* unmanaged<byte> GraphIsKept = FindGraphIsKept();

    [ThreadStatic]
    private static nint* _outputs;

    [ThreadStatic]
    private static int _outputCount;

    public delegate TensorArray BackwardFunction(nint* gradients, int count);

    public delegate void DeleteFunction();

    /// <summary>Whether the running backward pass keeps the graph (<c>retain_graph</c>); true where libtorch does not tell.</summary>
    public static bool KeepsGraph => GraphIsKept is null || GraphIsKept() != 0;

    /// <summary>Throws the error that the last native call left.</summary>
    /// <exception cref="InvalidOperationException">There was one.</exception>
    public static void ThrowIfFailed()
    {
        var text = THSTorch_get_and_reset_last_err();
        if (text != 0) throw new InvalidOperationException(Marshal.PtrToStringUTF8(text)?.Split('\n')[0]);
    }

    /// <summary>Records the outputs as results of the node, and writes their new handles.</summary>
    public static void WrapOutputs(TensorArray inputs, TensorArray outputs, Node node, nint* to, int count)
    {
        _outputs = to;
        _outputCount = count;
        THSAutograd_Function_wrapOutputs(inputs, default, default, outputs, node, &Allocate);
        _outputs = null;
    }

    [LibraryImport(Library)]
    public static partial Node THSAutograd_CSharpNode_ctor(nint backward, nint delete);

    [LibraryImport(Library)]
    public static partial void THSAutograd_CSharpNode_disposeSharedPtr(Node node);

    [LibraryImport(Library)]
    public static partial void THSAutograd_CSharpNode_disposeWeakPtr(Node node);

    [LibraryImport(Library)]
    public static partial void THSAutograd_CSharpNode_setNextEdges(Node node, TensorArray variables, byte isExecutable);

    [LibraryImport(Library)]
    public static partial void THSAutograd_CSharpNode_clearInputMetadata(Node node);

    [LibraryImport(Library)]
    public static partial nint THSAutograd_SavedVariable_ctor(nint tensor, Node node, byte isInPlaceOnView);

    [LibraryImport(Library)]
    public static partial nint THSAutograd_SavedVariable_unpack(nint variable, Node node);

    [LibraryImport(Library)]
    public static partial void THSAutograd_SavedVariable_dispose(nint variable);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    private static partial nint THSTorch_get_and_reset_last_err();

    [LibraryImport(Library)]
    private static partial void THSAutograd_Function_wrapOutputs(TensorArray inputs, TensorArray nonDifferentiable, TensorArray dirty,
        TensorArray outputs, Node node, delegate* unmanaged[Cdecl]<nuint, nint*> allocator);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint* Allocate(nuint length) => (int)length <= _outputCount ? _outputs : null;

    private static delegate* unmanaged<byte> FindGraphIsKept()
    {
        foreach (var name in (string[])["libtorch_cpu.so", "torch_cpu.dll", "libtorch_cpu.dylib"])
        {
            if (!NativeLibrary.TryLoad(name, typeof(TorchSharp.torch).Assembly, null, out var library)) continue;
            foreach (var export in (string[])["_ZN5torch8autograd33get_current_graph_task_keep_graphEv",
                "?get_current_graph_task_keep_graph@autograd@torch@@YA_NXZ"])
            {
                if (NativeLibrary.TryGetExport(library, export, out var function)) return (delegate* unmanaged<byte>)function;
            }
        }
        return null;
    }

    /// <summary>An array of tensor handles.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct TensorArray(nint* handles, long count)
    {
        public readonly nint* Handles = handles;
        public readonly long Count = count;
    }

    /// <summary>A node, held and watched.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Node
    {
        private readonly nint _shared;
        private readonly nint _weak;
    }
}
