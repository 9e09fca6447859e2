using Cresset.Tensors;

namespace Cresset.Optim;

/// <summary>An optimizer's state out of a PyTorch checkpoint (<c>.pt</c>, <c>.pth</c>, <c>.ckpt</c>).</summary>
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
}
