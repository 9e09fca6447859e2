using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Runs;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>What a range test of learning rates showed.</summary>
/// <param name="Suggestion">The rate at which the smoothed loss fell fastest; NaN where it never fell.</param>
/// <param name="Points">Rate, loss and smoothed loss of each step.</param>
public sealed record RateRange(double Suggestion, IReadOnlyList<(double Rate, double Loss, double Smooth)> Points);

/// <summary>
/// Finds a learning rate: trains with a rate that grows by the same factor each step, until the loss is four times the best (L. Smith,
/// "Cyclical learning rates", 2017, section 3.3). The task is used up: make a new one for training.
/// </summary>
public static class RateFinder
{
    private const double Memory = 0.9, Explosion = 4;
    private const int Least = 10;

    /// <summary>Runs the test.</summary>
    /// <param name="task">Made after <see cref="Cresset.Tensors.Seeding.Apply"/>.</param>
    /// <param name="trainer">Batch size, device, clipping; steps and intervals are not used.</param>
    /// <param name="optimization">The optimizer; its rate and schedule are not used.</param>
    /// <param name="from">First rate.</param>
    /// <param name="to">Last rate.</param>
    /// <param name="steps">Steps between them, at least 20.</param>
    /// <param name="cancellation">Stops after a step.</param>
    /// <exception cref="ArgumentException">The rates or steps are out of range, or the optimizer takes no rate from a schedule.</exception>
    public static RateRange Run(ITrainingTask task, TrainerOptions trainer, OptimizationOptions optimization, double from = 1e-6,
        double to = 10, int steps = 100, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentNullException.ThrowIfNull(optimization);
        if (!(from > 0) || !(to > from) || !double.IsFinite(to))
            throw new ArgumentException($"The rates are {from} and {to}; the first must be positive and the second larger.");
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 20);
        var options = trainer with
        {
            Steps = steps,
            EvaluateEvery = 0,
            PicturesEvery = 0,
            CheckpointEvery = 0,
            CheckpointMinutes = 0,
            Patience = 0,
            EmaDecay = 0,
            TimeLimitMinutes = 0
        };
        var flat = optimization with
        {
            Optimizer = optimization.Optimizer with { LearningRate = from },
            Schedule = ConstantSchedule.Flat,
            WarmupSteps = 0
        };
        using var loop = new Trainer(task, options, flat, NullRunRecorder.Instance);
        var ramp = new Ramp(loop.Control, from, Math.Pow(to / from, 1.0 / (steps - 1)), steps);
        loop.Hooks.Add(ramp);
        try
        {
            loop.Run(null, cancellation);
        }
        catch (TrainingDivergedException) when (ramp.Points.Count >= Least)
        {
            // That is where the range ends.
        }
        cancellation.ThrowIfCancellationRequested();
        return new RateRange(Steepest(ramp.Points), ramp.Points);
    }

    // The fastest fall of the smoothed loss per logarithm of the rate, before its lowest point.
    private static double Steepest(IReadOnlyList<(double Rate, double Loss, double Smooth)> points)
    {
        var lowest = Enumerable.Range(0, points.Count).MinBy(i => points[i].Smooth);
        var (best, slope) = (double.NaN, 0.0);
        for (var i = 2; i <= lowest - 2; i++)
        {
            var fall = (points[i + 2].Smooth - points[i - 2].Smooth) / Math.Log(points[i + 2].Rate / points[i - 2].Rate);
            if (fall < slope) (best, slope) = (points[i].Rate, fall);
        }
        return best;
    }

    private sealed class Ramp(TrainingControl control, double rate, double factor, int steps) : ITrainingHook
    {
        private readonly List<(double Rate, double Loss, double Smooth)> _points = [];
        private double _rate = rate;
        private double _average;

        public IReadOnlyList<(double Rate, double Loss, double Smooth)> Points => _points;

        public void AfterStep(StepContext step, double loss)
        {
            _average = (Memory * _average) + ((1 - Memory) * loss);
            // The average starts at 0: divided by the weight that was given out it is unbiased.
            var smooth = _average / (1 - Math.Pow(Memory, _points.Count + 1));
            _points.Add((_rate, loss, smooth));
            var isOver = _points.Count >= Least && smooth > Explosion * Math.Max(_points.Min(p => p.Smooth), 1e-12)
                && _points[0].Smooth > 0;
            // The last step would evaluate: the test stops before.
            if (isOver || _points.Count >= steps - 1) control.Stop();
            else control.ScaleRate(factor);
            _rate *= factor;
        }
    }
}
