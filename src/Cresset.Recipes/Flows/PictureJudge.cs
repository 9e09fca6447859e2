using Cresset.Data;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Judges drawn pictures by a small classifier that learned the real ones: how many are of the class that was asked for, and how far their features lie from
/// those of held-out pictures (Frechet distance of 64 features; small and of this judge alone, not the FID of papers).
/// </summary>
internal sealed class PictureJudge : IDisposable
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
    public PictureJudge(IDataset train, Batch held, int classes, int steps, ulong seed, CancellationToken cancellation)
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
        using (var optimizer = new Optimizer(_net, new AdamRule { LearningRate = 2e-3 }))
        {
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
        using var outer = NewDisposeScope();
        using var quiet = no_grad();
        var (logits, features) = Look(held.Inputs);
        Accuracy = logits.argmax(1).eq(held.Targets!).to(ScalarType.Float64).mean().ToDouble();
        var (mean, covariance) = Moments(features);
        (_mean, _covariance) = (mean.DetachFromDisposeScope(), covariance.DetachFromDisposeScope());
    }

    /// <summary>Share of held-out pictures whose class it knows.</summary>
    public double Accuracy { get; }

    /// <summary>Share of pictures judged to be of the class asked for, and the distance of their features.</summary>
    public (double Accepted, double Distance) Score(Tensor pictures, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (logits, features) = Look(pictures);
        var (mean, covariance) = Moments(features);
        // |m1 - m2|^2 + tr(C1 + C2 - 2 (C2^1/2 C1 C2^1/2)^1/2), Dowson and Landau 1982.
        var (values, vectors) = linalg.eigh(_covariance);
        var root = vectors.MatMul(diag(values.clamp_min(0).sqrt())).MatMul(vectors.t());
        var cross = linalg.eigvalsh(root.MatMul(covariance).MatMul(root)).clamp_min(0).sqrt().sum();
        var distance = (mean - _mean).square().sum() + covariance.trace() + _covariance.trace() - (cross * 2);
        return (logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().ToDouble(), distance.ToDouble());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _net.Dispose();
        _mean.Dispose();
        _covariance.Dispose();
    }

    private (Tensor Logits, Tensor Features) Look(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var features = cat([.. pictures.split(500).Select(part => _body.call(part))]);
        return (_head.call(features).MoveToOuterDisposeScope(), features.MoveToOuterDisposeScope());
    }

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
