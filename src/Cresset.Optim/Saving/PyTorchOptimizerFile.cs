using Cresset.Tensors;

namespace Cresset.Optim;

/// <summary>An optimizer's state in a PyTorch checkpoint (<c>.pt</c>, <c>.pth</c>, <c>.ckpt</c>).</summary>
public static class PyTorchOptimizerFile
{
    /// <summary>The state, ready for <see cref="PyTorchOptimizerState.Load"/>; the caller disposes it.</summary>
    /// <param name="path">A checkpoint of torch.save that holds an <c>optimizer.state_dict()</c>.</param>
    /// <param name="name">Which one where there are several, such as "optimizer_states.0"; null takes the only one.</param>
    /// <exception cref="InvalidDataException">The file is damaged, holds none, or several and none was named.</exception>
    public static PyTorchOptimizerState Read(string path, string? name = null)
    {
        using var file = PyTorchFile.OpenOverview(path);
        var (tensors, groups) = file.ReadOptimizer(name);
        return new PyTorchOptimizerState(tensors, groups);
    }

    /// <summary>
    /// Writes the state of <paramref name="optimizer"/> as torch.save writes a <c>state_dict()</c>: <c>torch.load</c> reads it (also with
    /// <c>weights_only=True</c>) and the class's <c>load_state_dict</c> takes it, in an optimizer over the same parameters in the same
    /// groups.
    /// </summary>
    /// <param name="path">The file; it is replaced whole or not at all.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="origin">The package that is to go on.</param>
    /// <exception cref="NotSupportedException">The package has no such method, or its class cannot go on exactly from these options; the
    /// message says why.</exception>
    public static void Write(string path, Optimizer optimizer, OptimizerOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        PyTorchOptimizerTree.Write(path, optimizer, origin);
    }
}
