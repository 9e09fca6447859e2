using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Batch normalisation by mean and variance of the examples of all ranks, as one process has them of the whole batch: in training the
/// result of a layer is replaced by one whose sums went over the ranks, forwards and backwards.
/// </summary>
internal sealed class SharedBatchNorm
{
    private readonly ICommunicator _ranks;
    private readonly BatchNorm _layer;
    private Tensor? _mean;
    private Tensor? _variance;

    private SharedBatchNorm(ICommunicator ranks, BatchNorm layer)
    {
        (_ranks, _layer) = (ranks, layer);
        layer.register_forward_pre_hook((_, x) =>
        {
            Keep();
            return x;
        });
        layer.register_forward_hook((_, x, y) => Shared(x, y));
    }

    /// <summary>The first layer that normalises by statistics of a batch, by name; null where there is none.</summary>
    public static string? Find(nn.Module network) =>
        network.named_modules().Select(m => (m.name, m.module)).FirstOrDefault(m => IsOne(m.module)).name;

    /// <summary>Changes all layers of a network.</summary>
    /// <exception cref="NotSupportedException">One of them keeps statistics in a way of its own.</exception>
    public static void Apply(nn.Module network, ICommunicator ranks)
    {
        foreach (var (name, module) in network.named_modules())
        {
            if (!IsOne(module)) continue;
            if (module is not BatchNorm layer)
                throw new NotSupportedException(
                    $"trainer.sync_batch_norm=true: '{name}' ({module.GetType().Name}) has statistics of a batch of its own kind, which "
                        + $"cannot be shared among ranks; BatchNorm1d, 2d and 3d can. Leave the option out, or take another norm.");
            _ = new SharedBatchNorm(ranks, layer);
        }
    }

    private static bool IsOne(nn.Module module) => module.named_buffers(recurse: false).Any(b => b.name == "running_mean");

    private bool IsActive => _layer.training && is_grad_enabled();

    // The layer's own forward moves its statistics by those of this rank's part alone.
    private void Keep()
    {
        if (!IsActive || _layer.running_mean is not { } mean || _layer.running_var is not { } variance) return;
        _mean?.Dispose();
        _variance?.Dispose();
        _mean = mean.detach().clone().DetachFromDisposeScope();
        _variance = variance.detach().clone().DetachFromDisposeScope();
    }

    private Tensor Shared(Tensor x, Tensor own)
    {
        if (!IsActive) return own;
        using var scope = NewDisposeScope();
        long[] dimensions = [.. Enumerable.Range(0, (int)x.dim()).Where(d => d != 1).Select(d => (long)d)];
        long[] shape = [.. Enumerable.Range(0, (int)x.dim()).Select(d => d == 1 ? x.size(1) : 1)];
        var channels = x.size(1);
        var wide = x.to(ScalarType.Float32);
        // The number of values comes along: parts need not be alike.
        var sums = Sum(cat([wide.sum(dimensions), full(1, (float)(x.numel() / channels), device: x.device)]));
        var count = sums.narrow(0, channels, 1).detach();
        BatchStatistics.Require(_layer.GetName(), (long)count.ToDouble(), x.shape);
        var mean = sums.narrow(0, 0, channels) / count;
        // Squares of distances from the mean: those of the values themselves would cancel.
        var centred = wide - mean.reshape(shape);
        var variance = Sum(centred.square().sum(dimensions)) / count;
        var result = centred * (variance + _layer.eps).rsqrt().reshape(shape);
        if (_layer.affine) result = result * _layer.weight.reshape(shape) + _layer.bias!.reshape(shape);
        using (no_grad()) Move(mean.detach(), (variance * (count / (count - 1).clamp_min(1))).detach());
        own.Dispose();
        return result.to(x.dtype).MoveToOuterDisposeScope();
    }

    private void Move(Tensor mean, Tensor variance)
    {
        if (_mean is null || _variance is null) return;
        var share = _layer.momentum is > 0 and var momentum ? momentum : 1.0 / _layer.num_batches_tracked!.ToInt64();
        _layer.running_mean!.copy_((_mean * (1 - share)) + (mean * share));
        _layer.running_var!.copy_((_variance * (1 - share)) + (variance * share));
        _mean.Dispose();
        _variance.Dispose();
        (_mean, _variance) = (null, null);
    }

    private Tensor Sum(Tensor own) => new SumOverRanks(_ranks).Apply(own);

    /// <summary>
    /// y = the sum of x over the ranks. Each rank's loss depends on every rank's x, so that gradients are summed up alike.
    /// </summary>
    private sealed class SumOverRanks(ICommunicator ranks) : DifferentiableOperation
    {
        protected override Tensor[] Forward(Tensor[] inputs) => [Summed(inputs[0])];

        protected override Tensor[] Saved(Tensor[] inputs) => [];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients) => [Summed(gradients[0]!)];

        private Tensor Summed(Tensor own)
        {
            var sum = own.detach().clone();
            TensorExchange.Sum(ranks, sum);
            return sum;
        }
    }
}
