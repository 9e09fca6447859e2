using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A module that learns from the examples of a batch by itself, outside the optimizer: statistics of vectors, codes that follow them.
/// </summary>
public interface IPoolsExamples
{
    /// <summary>
    /// Gives, for the examples [n, ...] of this process, those of all processes that share the batch, in the same order everywhere; null
    /// for a single process. Set by the trainer.
    /// </summary>
    Func<Tensor, Tensor>? Pool { get; set; }
}
