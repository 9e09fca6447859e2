using Cresset.Data;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A judge for pictures that no embedded one knows: a small classifier that learns the real ones first. The distance is to held-out
/// pictures (of 64 features;
/// of this judge alone, not the FID of papers).
/// </summary>
internal sealed class LearnedJudge : PictureJudge
{
    private const int Features = 64, BatchSize = 128;
    private readonly nn.Module<Tensor, Tensor> _body;
    private readonly nn.Module<Tensor, Tensor> _head;
    // Owns the two before it.
    private readonly nn.Module<Tensor, Tensor> _net;
    private readonly Tensor _mean;
    private readonly Tensor _covariance;

    /// <summary>Trains the judge.</summary>
    /// <param name="train">Pictures in 0..1 with classes.</param>
    /// <param name="held">Others, whose features are the target.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="steps">Optimizer steps.</param>
    /// <param name="seed">Seed of weights and batches.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public LearnedJudge(IDataset train, Batch held, int classes, int steps, ulong seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(held);
        using var generator = new Generator(seed);
        var shape = held.Inputs.shape;
        _body = nn.Sequential(
            nn.Conv2d(shape[1], 16, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * (shape[2] / 4) * (shape[3] / 4), Features), nn.ReLU());
        _head = nn.Linear(Features, classes);
        Initialize.Reset(_body, generator);
        Initialize.Reset(_head, generator);
        _net = nn.Sequential(_body, _head);
        try
        {
            using var optimizer = new Optimizer(_net, new AdamRule { LearningRate = 2e-3 });
            var schedule = new Scheduler(optimizer, new CosineSchedule { Steps = steps });
            for (var step = 0; step < steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var batch = PictureBatches.Draw(train, BatchSize, generator);
                optimizer.ZeroGrad();
                nn.functional.cross_entropy(_net.call(batch.Inputs), batch.Targets!).backward();
                optimizer.Step();
                schedule.Step();
            }
        }
        catch
        {
            _net.Dispose();
            throw;
        }
        using var outer = NewDisposeScope();
        using var quiet = no_grad();
        var (logits, features) = Look(held.Inputs);
        Accuracy = logits.argmax(1).eq(held.Targets!).to(ScalarType.Float64).mean().ToDouble();
        var (mean, covariance) = Moments(features);
        (_mean, _covariance) = (mean.DetachFromDisposeScope(), covariance.DetachFromDisposeScope());
    }

    /// <summary>Share of held-out pictures whose class it knows.</summary>
    public double Accuracy { get; }

    /// <summary>Logits [N, classes] and features [N, 64] of pictures in 0..1.</summary>
    public override (Tensor Logits, Tensor Features) Look(Tensor pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var features = cat([.. pictures.split(500).Select(part => _body.call(part))]);
        return (_head.call(features).MoveToOuterDisposeScope(), features.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _net.Dispose();
        _mean.Dispose();
        _covariance.Dispose();
    }

    private protected override (Tensor Mean, Tensor Covariance) Real => (_mean, _covariance);

    private static (Tensor Mean, Tensor Covariance) Moments(Tensor features)
    {
        using var scope = NewDisposeScope();
        var wide = features.to(ScalarType.Float64);
        var mean = wide.mean([0L]);
        var centred = wide - mean;
        return (mean.MoveToOuterDisposeScope(), (centred.t().MatMul(centred) / Math.Max(1, wide.size(0) - 1)).MoveToOuterDisposeScope());
    }
}

/// <summary>Batches drawn with replacement: a training loop without a loader.</summary>
internal static class PictureBatches
{
    public static Batch Draw(IDataset data, int size, Generator generator)
    {
        using var scope = NewDisposeScope();
        long[] rows = randint(0, data.Count, size, dtype: ScalarType.Int64, generator: generator).data<long>().ToArray();
        var batch = data.Prepare(new BatchRequest([.. rows.Select(r => (int)r)], 0, 0)).ToBatch();
        return new Batch(batch.Inputs.MoveToOuterDisposeScope(), batch.Targets?.MoveToOuterDisposeScope());
    }
}
