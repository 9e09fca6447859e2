using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Simulation-based inference (neural posterior estimation, Papamakarios and Murray 2016): from a table of parameters and the observations
/// that a simulator made of them to the posterior of any observation.
/// </summary>
[Part("posterior", "Papamakarios and Murray 2016")]
internal sealed class PosteriorJob : DataJob<PosteriorOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "posterior";

    /// <inheritdoc/>
    public override string Summary => "A conditional flow that learns the posterior of a simulator's parameters from a table of pairs.";

    /// <inheritdoc/>
    public override string Samples => "draws from the posterior of an observation";

    /// <inheritdoc/>
    public override string Evaluates => "figures, simulation-based calibration and pair plots of the best checkpoint on held-out pairs";

    /// <inheritdoc/>
    protected override DataSource DataDefaults => new TwoMoonsPairs();

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 2000, BatchSize = 256, ClipNorm = 5, EvaluateEvery = 500, CheckpointEvery = 500 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new() { Optimizer = new AdamRule { LearningRate = 1e-3 } };

    private protected override void Upgrade(ConfigMap recipe)
    {
        base.Upgrade(recipe);
        OldFlowKeys.Move(recipe, 5, 64);
    }

    private protected override string? Earlier(string key) => OldFlowKeys.Place(key);

    /// <inheritdoc/>
    protected override DataUse Use(PosteriorOptions options) => new(TargetKind.None, NeedsPictures: false, NumbersOnly: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(PosteriorOptions options, DataSplit data, TrainerOptions trainer) =>
        new PosteriorTask(options, data);

    Predictor IPredictingJob.Open(StoredModel stored)
    {
        var options = stored.Model<PosteriorOptions>();
        var columns = PosteriorColumns.Of(options, stored.Facts);
        return new PosteriorPredictor(options.Create(columns), columns, stored.Facts);
    }

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        var posterior = (PosteriorTask)task;
        var observation = posterior.Columns.ObservedNames.ToDictionary(n => n, _ => double.NaN);
        foreach (var condition in request.Conditions ?? [])
        {
            var at = condition.IndexOf('=', StringComparison.Ordinal);
            var name = at < 0 ? condition : condition[..at];
            if (!observation.ContainsKey(name))
                throw new ArgumentException(
                    $"\"{condition}\" is not an observation; write {string.Join(", ", observation.Keys.Select(n => $"{n}=NUMBER"))}.");
            if (at < 0 || !double.TryParse(condition.AsSpan(at + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                || !double.IsFinite(value))
                throw new ArgumentException($"\"{condition}\" has no finite number; write {name}=0.5 (with a decimal point).");
            observation[name] = value;
        }
        string[] missing = [.. observation.Where(o => double.IsNaN(o.Value)).Select(o => o.Key)];
        if (missing.Length > 0)
            throw new ArgumentException(
                $"The posterior is that of an observation; {string.Join(", ", missing)} {(missing.Length == 1 ? "is" : "are")} missing: "
                    + $"cresset sample RUN {string.Join(' ', observation.Keys.Select(n => $"{n}=NUMBER"))}.");
        return posterior.Draw(request.Count > 0 ? request.Count : 2000, [.. observation.Values], request.Temperature, generator, device);
    }
}
