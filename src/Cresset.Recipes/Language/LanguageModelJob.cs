using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains a decoder-only transformer on texts.</summary>
[Part("language-model")]
internal sealed class LanguageModelJob : DataJob<DecoderOptions>, IWritesText
{
    /// <inheritdoc/>
    public override string Name => "language-model";

    /// <inheritdoc/>
    public override string Summary => "A small transformer learns the next character or token of a text.";

    /// <inheritdoc/>
    public override string Samples => "texts, from a beginning or from nothing";

    /// <inheritdoc/>
    protected override DataSource DataDefaults => new TextData();

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults => new() { Steps = 2000, BatchSize = 12, EvaluateEvery = 500, CheckpointEvery = 500 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamWRule { LearningRate = 3e-3, Beta2 = 0.99, WeightDecay = 0.1 }, WarmupSteps = 100 };

    /// <inheritdoc/>
    protected override DataUse Use(DecoderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new DataUse(TargetKind.Token, Context: options.Context);
    }

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DecoderOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Facts.Text is not null
            ? new LanguageModelTask(options.ThrowIfInvalid(), data)
            : throw new InvalidDataException($"{data.Facts.Name} is not text, and this job learns texts: data=text data.path=FILE.");
    }

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Format != SampleFormat.Png)
            throw new ArgumentException(
                $"'{Name}' writes text, which is no {request.Format.ToString().ToLowerInvariant()}; leave --format out.");
        var choice = new TokenChoice { Temperature = request.Temperature, TopK = request.TopK, TopP = request.TopP }.ThrowIfInvalid();
        var beginnings = request.Conditions is { Count: > 0 } given ? given : [((LanguageModelTask)task).Nothing];
        var texts = new List<string>();
        foreach (var beginning in beginnings)
        {
            for (var i = 0; i < Math.Max(1, request.Count); i++)
            {
                if (texts.Count > 0) request.Written?.Invoke("\n---\n");
                texts.Add(
                    ((LanguageModelTask)task).Write(beginning, request.Length > 0 ? request.Length : 400, choice, generator,
                        request.Written));
                request.Written?.Invoke("\n");
            }
        }
        return new Drawing([]) { Texts = texts };
    }

    /// <inheritdoc/>
    protected override IReadOnlyDictionary<string, double> DrawMetrics(ITrainingTask task) => ((LanguageModelTask)task).WritingSpeed;
}
