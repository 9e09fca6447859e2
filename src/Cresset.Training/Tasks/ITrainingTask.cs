using Cresset.Data;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// What a subject gives the trainer: a module, the loss of a batch, an evaluation and pictures.
/// The trainer calls everything on one thread and wraps each call in a scope.
/// </summary>
public interface ITrainingTask : IDisposable
{
    /// <summary>Everything that is trained and saved.</summary>
    nn.Module Module { get; }

    /// <summary>
    /// Models with optimizers of their own that <see cref="AfterStep"/> trains, such as a discriminator; saved and restored with the run.
    /// </summary>
    IReadOnlyList<AuxiliaryModel> Auxiliaries => [];

    /// <summary>
    /// What else the task remembers from step to step and that shows in what it records, such as counts over a window of batches: saved and
    /// restored with the run, so that a run that was killed records what one that was not would. Null for nothing.
    /// </summary>
    ISaved? Memory => null;

    /// <summary>The examples to learn from.</summary>
    IDataset TrainingData { get; }

    /// <summary>The metric of <see cref="Evaluate"/> by which the best checkpoint is chosen and training stops early.</summary>
    HeadlineMetric Headline { get; }

    /// <summary>The mean loss of a batch, a scalar with a gradient. Further values are logged through the context.</summary>
    Tensor Loss(Batch batch, StepContext step);

    /// <summary>
    /// Called after the weights changed, without gradients: codebook updates by moving averages, target networks, steps of
    /// <see cref="Auxiliaries"/>. State kept there must be module buffers, so that it is saved.
    /// </summary>
    void AfterStep(StepContext step)
    {
    }

    /// <summary>
    /// Figures on held-out data, the headline among them. The module is in evaluation mode, with averaged weights if there are any, without
    /// gradients.
    /// </summary>
    IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context);

    /// <summary>
    /// True when <see cref="Evaluate"/> goes through <see cref="EvaluationContext.Share"/> and its like: then all ranks call it and share
    /// the work. Otherwise rank 0 evaluates alone, and the others wait for its figures.
    /// </summary>
    bool EvaluatesInShares => false;

    /// <summary>
    /// Pictures that show where training stands (samples, reconstructions, a confusion matrix). Same conditions as <see cref="Evaluate"/>.
    /// </summary>
    IEnumerable<TaskPicture> Pictures(EvaluationContext context) => [];

    /// <summary>
    /// Texts that show where training stands, by the name of their series. Same conditions as <see cref="Evaluate"/>, asked for together
    /// with the pictures.
    /// </summary>
    IEnumerable<(string Tag, string Text)> Texts(EvaluationContext context) => [];
}

/// <summary>A figure that says how good a model is.</summary>
/// <param name="Name">Its key among the evaluation's figures.</param>
/// <param name="HigherIsBetter">Accuracy: true; loss: false.</param>
public sealed record HeadlineMetric(string Name, bool HigherIsBetter)
{
    /// <summary>True when <paramref name="value"/> beats <paramref name="best"/> (NaN never does).</summary>
    public bool Improves(double value, double best) =>
        double.IsNaN(best) ? !double.IsNaN(value) : HigherIsBetter ? value > best : value < best;
}

/// <summary>A finished picture.</summary>
/// <param name="Tag">Name of the series of pictures, such as "samples"; also the file's name.</param>
/// <param name="Png">The bytes of a PNG or animated GIF file.</param>
/// <param name="Caption">One line, or empty.</param>
public sealed record TaskPicture(string Tag, byte[] Png, string Caption = "");
