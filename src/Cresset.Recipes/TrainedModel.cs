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

    private TrainedModel(Predictor predictor, PartCatalog parts, string path, string job) =>
        (_predictor, _parts, Path, Job) = (predictor, parts, path, job);

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

    /// <summary>The job that made it.</summary>
    public string Job { get; }

    /// <summary>Opens the model of a run.</summary>
    /// <param name="path">The run's folder, or its model.safetensors, policy-best.safetensors or policy.json wherever it was copied
    /// to.</param>
    /// <param name="parts">Where its job is found; the built-in ones by default.</param>
    /// <exception cref="FileNotFoundException">There is no model there: the run has not come to its end.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or its model gives no answers.</exception>
    public static TrainedModel Open(string path, PartCatalog? parts = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        parts ??= BuiltInParts.Catalog;
        var file = Directory.Exists(path) ? ModelFile.In(path, parts) : path;
        if (!File.Exists(file))
            throw new FileNotFoundException(
                $"There is no {file}: the run has not come to its end. 'cresset train --resume' goes on with it.", file);
        if (System.IO.Path.GetFileName(file) == SolvedPolicy.FileName)
            return new TrainedModel(SolvedPolicyPredictor.Open(file, parts), parts, file, "rl-solve");
        using var source = SafetensorsFile.Open(file);
        if (!source.Metadata.TryGetValue(ModelFile.JobKey, out var name) && (name = ModelFile.JobBeside(file, parts)) is null)
        {
            throw new InvalidDataException(
                $"{file} does not say how it is used: it comes from a job that gives no answers to files, or from an earlier version. "
                    + $"Train it again.");
        }
        var job = parts.Find(Recipe.JobKind, name)?.Create() as IJob
            ?? throw new InvalidDataException($"{file}: {parts.Unknown(Recipe.JobKind, name)}");
        if (job is not IPredictingJob predicting) throw ModelFile.NoAnswers(file, job);
        var stored = new StoredModel(file, source, job, parts);
        var predictor = predicting.Open(stored);
        try
        {
            predictor.Load(stored);
            return new TrainedModel(predictor, parts, file, name);
        }
        catch
        {
            predictor.Dispose();
            throw;
        }
    }

    /// <summary>Answers files: one answer per picture, one per row of a table, in order.</summary>
    /// <exception cref="InvalidDataException">A file is damaged or does not fit what the model learned from.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IEnumerable<Prediction> Predict(params IEnumerable<string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        return files.SelectMany(file => _predictor.AnswerFile(file, _parts));
    }

    /// <summary>Answers a picture that is in memory, such as an upload: the bytes of a PNG, JPEG, WebP, BMP, GIF or TIFF file.</summary>
    /// <param name="picture">The whole file.</param>
    /// <param name="name">What the answer and errors call it.</param>
    /// <exception cref="InvalidDataException">It is not a picture, damaged, or the model takes none.</exception>
    public Prediction PredictPicture(byte[] picture, string name = "picture")
    {
        ArgumentNullException.ThrowIfNull(picture);
        return _predictor.AnswerPicture(picture, name, _parts);
    }

    /// <summary>
    /// Answers one row: a value by the name of each column the model learned from; numbers, texts as in a table, JSON, null where it is
    /// missing.
    /// </summary>
    /// <param name="row">The values; other names are passed over, as other columns of a file are.</param>
    /// <param name="name">What the answer and errors call it.</param>
    /// <exception cref="InvalidDataException">A column is missing or a value does not fit, or the model takes no rows.</exception>
    public Prediction PredictRow(IReadOnlyDictionary<string, object?> row, string name = "row")
    {
        ArgumentNullException.ThrowIfNull(row);
        return _predictor.AnswerRow(row, name);
    }

    /// <summary>Answers inputs [N, ...] that are prepared as in training: pictures in 0..1, standardised features.</summary>
    /// <exception cref="ShapeException">They have another shape than the training's inputs.</exception>
    public IReadOnlyList<Prediction> Predict(Tensor inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.dim() == 0 || !inputs.shape[1..].SequenceEqual(Facts.Shape))
            throw Shape.Wrong(inputs, $"[N, {string.Join(", ", Facts.Shape)}]");
        return _predictor.Answer(inputs,
            [.. Enumerable.Range(0, (int)inputs.size(0)).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
    }

    /// <summary>Frees the model, once answers under way are given.</summary>
    public void Dispose() => _predictor.Dispose();
}
