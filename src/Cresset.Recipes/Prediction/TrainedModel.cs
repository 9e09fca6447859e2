using Cresset.Data;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A trained model, ready to answer: preprocessing as in training, no recipe and no store of runs needed. Its answers may be asked for from
/// many threads at once.
/// </summary>
public sealed class TrainedModel : IDisposable
{
    private readonly Predictor _predictor;
    private readonly PartCatalog _parts;

    private TrainedModel(Predictor predictor, PartCatalog parts, string path) => (_predictor, _parts, Path) = (predictor, parts, path);

    /// <summary>The model's file.</summary>
    public string Path { get; }

    /// <summary>Shapes, classes, preprocessing.</summary>
    public DataFacts Facts => _predictor.Facts;

    /// <summary>The share of ordinary inputs that a density model calls anomalies, 0.01 unless set; null for other models.</summary>
    /// <exception cref="NotSupportedException">Set, and the model finds no anomalies.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No share, or finer than the calibration's rows can tell.</exception>
    public double? AlarmRate
    {
        get => _predictor.AlarmRate;
        set => _predictor.AlarmRate = value;
    }

    /// <summary>Opens the model of a run.</summary>
    /// <param name="path">The run's folder, or its model.safetensors wherever it was copied to.</param>
    /// <param name="parts">Where its job is found; the built-in ones by default.</param>
    /// <exception cref="FileNotFoundException">There is no model there: the run has not come to its end.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or its model gives no answers.</exception>
    public static TrainedModel Open(string path, PartCatalog? parts = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        parts ??= BuiltInParts.Catalog;
        var file = Directory.Exists(path) ? System.IO.Path.Combine(path, ModelFile.Name) : path;
        if (!File.Exists(file)) throw new FileNotFoundException($"There is no {file}: the run has not come to its end. 'cresset train --resume' goes on with it.", file);
        using var source = SafetensorsFile.Open(file);
        if (!source.Metadata.TryGetValue(ModelFile.JobKey, out var name) || !source.Metadata.TryGetValue(DataFacts.MetadataKey, out var facts))
        {
            throw new InvalidDataException($"{file} does not say how it is used: it comes from a job that gives no answers to files, or from an earlier version. Train it again.");
        }
        if (parts.Find(Recipe.JobKind, name)?.Create() is not IPredictingJob job) throw new InvalidDataException($"{file}: models of the job '{name}' give no answers to files.");
        var defaults = ((IJob)job).Sections.First(s => s.Name == "model").Defaults;
        var yaml = source.Metadata.GetValueOrDefault(ModelFile.OptionsKey, "{}");
        var options = new OptionsBinder(parts).Bind(defaults, ConfigNode.Parse(yaml, file), "model", new ConfigSource(file, 0));
        var predictor = job.Open(options, DataFacts.Parse(facts, file), source.Metadata, file);
        try
        {
            StateDict.Load(predictor.Module, source);
            predictor.Module.eval();
            return new TrainedModel(predictor, parts, file);
        }
        catch
        {
            predictor.Dispose();
            throw;
        }
    }

    /// <summary>Answers files: one answer a picture, one a row of a table, in order.</summary>
    /// <exception cref="InvalidDataException">A file is damaged or does not fit what the model learned from.</exception>
    public IEnumerable<Prediction> Predict(params IEnumerable<string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        return files.SelectMany(file => _predictor.AnswerFile(file, _parts));
    }

    /// <summary>Answers inputs [N, ...] that are prepared as in training: pictures in 0..1, standardised features.</summary>
    /// <exception cref="ShapeException">They have another shape than the training's inputs.</exception>
    public IReadOnlyList<Prediction> Predict(Tensor inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.dim() == 0 || !inputs.shape[1..].SequenceEqual(Facts.Shape)) throw Shape.Wrong(inputs, $"[N, {string.Join(", ", Facts.Shape)}]");
        return _predictor.Answer(inputs, [.. Enumerable.Range(0, (int)inputs.size(0)).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => _predictor.Dispose();
}
