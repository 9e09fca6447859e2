using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// A node of libtorch's graph whose backward pass is a <see cref="DifferentiableOperation"/>. libtorch calls back through two functions
/// without an argument that would tell nodes apart, so every live node has two of its own; those of dead nodes are used again.
/// </summary>
internal sealed unsafe class GraphNode : IDisposable
{
    private static readonly ConcurrentBag<GraphNode> Free = [];

    // Native code alone refers to a node in use: without these its functions would be collected.
    private static readonly ConcurrentBag<GraphNode> All = [];

    // Gradients handed to libtorch by the last backward pass on this thread. It copies the handles when the call has returned, so that they
    // cannot be disposed of there; whatever comes next on this thread does.
    [ThreadStatic]
    private static List<Tensor>? _handedOver;

    [ThreadStatic]
    private static nint[]? _buffer;

    private readonly Lock _lock = new();
    private readonly AutogradNative.BackwardFunction _backward;
    private readonly AutogradNative.DeleteFunction _delete;
    private readonly nint _backwardPointer;
    private readonly nint _deletePointer;
    private readonly List<nint> _saved = [];
    private AutogradNative.Node _native;
    private DifferentiableOperation? _operation;
    private bool _released;

    private GraphNode()
    {
        (_backward, _delete) = (Backward, Delete);
        (_backwardPointer, _deletePointer) = (Marshal.GetFunctionPointerForDelegate(_backward),
            Marshal.GetFunctionPointerForDelegate(_delete));
    }

    /// <summary>A node behind the inputs.</summary>
    public static GraphNode Create(DifferentiableOperation operation, Tensor[] inputs)
    {
        FreeHandedOver();
        if (!Free.TryTake(out var node)) All.Add(node = new GraphNode());
        node._operation = operation;
        node._released = false;
        node._native = AutogradNative.THSAutograd_CSharpNode_ctor(node._backwardPointer, node._deletePointer);
        AutogradNative.ThrowIfFailed();
        fixed (nint* handles = Handles(inputs))
        {
            AutogradNative.THSAutograd_CSharpNode_setNextEdges(node._native, new(handles, inputs.Length), 1);
            AutogradNative.ThrowIfFailed();
        }
        AutogradNative.THSAutograd_CSharpNode_clearInputMetadata(node._native);
        AutogradNative.ThrowIfFailed();
        GC.KeepAlive(inputs);
        return node;
    }

    /// <summary>Makes the results of a forward pass those of this node; their own wrappers are used up.</summary>
    public Tensor[] Record(Tensor[] inputs, Tensor[] results)
    {
        var recorded = new nint[results.Length];
        fixed (nint* given = Handles(inputs), made = Handles(results), to = recorded)
        {
            AutogradNative.WrapOutputs(new(given, inputs.Length), new(made, results.Length), _native, to, recorded.Length);
            AutogradNative.ThrowIfFailed();
        }
        foreach (var result in results) result.Dispose();
        GC.KeepAlive(inputs);
        return Array.ConvertAll(recorded, Tensor.UnsafeCreateTensor);
    }

    /// <summary>Keeps tensors for the backward pass, with their versions.</summary>
    public void Save(Tensor[] tensors)
    {
        foreach (var tensor in tensors)
        {
            _saved.Add(AutogradNative.THSAutograd_SavedVariable_ctor(tensor.Handle, _native, 0));
            AutogradNative.ThrowIfFailed();
        }
        GC.KeepAlive(tensors);
    }

    /// <summary>Leaves the node to the results.</summary>
    public void Dispose() => AutogradNative.THSAutograd_CSharpNode_disposeSharedPtr(_native);

    private static nint[] Handles(Tensor[] tensors) => Array.ConvertAll(tensors, t => t.Handle);

    private static void FreeHandedOver()
    {
        if (_handedOver is not { Count: > 0 } tensors) return;
        _handedOver = null;
        foreach (var tensor in tensors) tensor.Dispose();
    }

    // Called by libtorch: no exception may leave it, since that would end the process.
    private AutogradNative.TensorArray Backward(nint* gradients, int count)
    {
        try
        {
            FreeHandedOver();
            Tensor?[] found;
            using (var scope = NewDisposeScope())
            {
                var given = new Tensor?[count];
                for (var i = 0; i < count; i++) given[i] = gradients[i] == 0 ? null : Tensor.UnsafeCreateTensor(gradients[i]);
                found = _operation!.RunBackward(Unpack(), given);
                if (!AutogradNative.KeepsGraph) Release();
                foreach (var gradient in found) gradient?.DetachFromDisposeScope();
            }
            var buffer = _buffer is { } known && known.Length >= found.Length ? known
                : _buffer = GC.AllocateArray<nint>(Math.Max(8, found.Length), pinned: true);
            List<Tensor> handedOver = [];
            for (var i = 0; i < found.Length; i++)
            {
                buffer[i] = found[i]?.Handle ?? 0;
                if (found[i] is { } gradient) handedOver.Add(gradient);
            }
            _handedOver = handedOver;
            return new((nint*)Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0), found.Length);
        }
#pragma warning disable CA1031 // see above; the error reaches the caller by way of BackwardFailure
        catch (Exception e)
#pragma warning restore CA1031
        {
            BackwardFailure.Record(_operation?.Name ?? nameof(GraphNode), e);
            // Too few gradients: libtorch refuses them with an error of its own, which stops the pass and returns to its caller.
            return default;
        }
    }

    private Tensor[] Unpack()
    {
        lock (_lock)
        {
            if (_released)
            {
                throw new InvalidOperationException(
                    "Trying to run backward through the graph a second time: what it needs was freed by the first pass. Give retain_graph: "
                        + "true to the first, or run the forward pass again.");
            }
            var tensors = new Tensor[_saved.Count];
            for (var i = 0; i < tensors.Length; i++)
            {
                var handle = AutogradNative.THSAutograd_SavedVariable_unpack(_saved[i], _native);
                AutogradNative.ThrowIfFailed();
                tensors[i] = Tensor.UnsafeCreateTensor(handle);
            }
            return tensors;
        }
    }

    private void Release()
    {
        lock (_lock)
        {
            _released = true;
            foreach (var variable in _saved) AutogradNative.THSAutograd_SavedVariable_dispose(variable);
            _saved.Clear();
        }
    }

    // Called by libtorch when the last result and graph that lead here are gone.
    private void Delete()
    {
        FreeHandedOver();
        Release();
        AutogradNative.THSAutograd_CSharpNode_disposeWeakPtr(_native);
        _native = default;
        _operation = null;
        Free.Add(this);
    }
}
