namespace Cresset.Tensors;

/// <summary>
/// While libtorch records what is done to tensors, kernels of our own would work unseen by it: on this thread they are told that no tensor
/// is theirs (<see cref="TensorView.Holds(TorchSharp.torch.Tensor, TorchSharp.torch.ScalarType)"/>), so that everything is composed of
/// libtorch's operations.
/// </summary>
internal sealed class KernelPause : IDisposable
{
    // Per thread, as libtorch's own record of operations is.
    [ThreadStatic]
    private static int _depth;

    public KernelPause() => _depth++;

    public static bool IsOn => _depth > 0;

    public void Dispose() => _depth--;
}
