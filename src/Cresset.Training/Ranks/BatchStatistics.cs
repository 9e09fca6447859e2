using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Layers that normalise by mean and variance of a batch need two values of each channel: of one the unbiased variance is 0/0. PyTorch
/// refuses it in Python, above libtorch, which goes on: the step looks as any other, and NaN stays in the running variance that every
/// later evaluation divides by.
/// </summary>
internal static class BatchStatistics
{
    /// <summary>Lets every such layer of a network refuse one value a channel while it learns, before its statistics move.</summary>
    public static void Guard(nn.Module network)
    {
        foreach (var (name, module) in network.named_modules())
        {
            if (module is not BatchNorm layer) continue;
            layer.register_forward_pre_hook((_, x) =>
            {
                if (layer.training && is_grad_enabled()) Require(name, x.numel() / Math.Max(1, x.size(1)), x.shape);
                return x;
            });
        }
    }

    /// <summary>Refuses statistics of one value.</summary>
    /// <exception cref="ArgumentException">There is one value a channel.</exception>
    public static void Require(string layer, long values, long[] shape)
    {
        if (values != 1) return;
        throw new ArgumentException($"'{layer}' normalises by mean and variance of a batch and got one value a channel, "
            + $"[{string.Join(", ", shape)}]: its variance is not defined. Take pieces of 2 examples or more "
            + "(trainer.batch_size over trainer.accumulate), larger examples, or a norm that needs no batch (group, layer).");
    }
}
