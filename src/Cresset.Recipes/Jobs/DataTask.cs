using Cresset.Data;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A task over a data set that is divided into parts: it learns from the training part, the validation part (where there is one) chooses
/// the best model, the test part is what is reported.
/// </summary>
public abstract class DataTask : ITrainingTask, ILearnsFromData
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>Takes the data over.</summary>
    /// <param name="data">Examples in their parts.</param>
    /// <param name="figure">What the best model is chosen by: of the validation part where there is one.</param>
    /// <param name="higherIsBetter">Accuracy: true; an error: false.</param>
    private protected DataTask(DataSplit data, string figure, bool higherIsBetter)
    {
        ArgumentNullException.ThrowIfNull(data);
        Data = data;
        Headline = new HeadlineMetric(data.Validation is null ? figure : Validation(figure), higherIsBetter);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <inheritdoc/>
    public abstract nn.Module Module { get; }

    /// <inheritdoc/>
    public virtual IDataset TrainingData => Data.Train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public abstract Tensor Loss(Batch batch, StepContext step);

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        if (Data.Validation is { } validation)
        {
            foreach (var (name, value) in Choose(validation, context)) metrics[Validation(name)] = value;
            // Without a test part there is nothing more to report.
            if (Data.Test is null) return metrics;
        }
        foreach (var (name, value) in Report(Data.Reported, context)) metrics[name] = value;
        return metrics;
    }

    /// <inheritdoc/>
    public virtual IEnumerable<TaskPicture> Pictures(EvaluationContext context) => [];

    /// <summary>Frees module, data and what else the task owns.</summary>
    public void Dispose()
    {
        Module.Dispose();
        foreach (var owned in _owned) owned.Dispose();
        Data.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Figures of the validation part, the one that chooses first; their names get <c>validation_</c> in front.</summary>
    private protected abstract IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context);

    /// <summary>Figures of the part that is reported.</summary>
    private protected abstract IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context);

    /// <summary>Freed with the task; null is passed on.</summary>
    private protected T Own<T>(T resource)
        where T : IDisposable?
    {
        if (resource is not null) _owned.Add(resource);
        return resource;
    }

    private static string Validation(string figure) => $"validation_{figure}";
}
