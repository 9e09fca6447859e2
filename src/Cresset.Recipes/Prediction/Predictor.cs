using Cresset.Data;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A job whose trained models answer: a class, a number, a mask, a picture.</summary>
internal interface IPredictingJob
{
    /// <summary>Makes the model without its weights.</summary>
    Predictor Open(IOptionsRecord model, DataFacts facts);

    /// <summary>As above, with the whole metadata of the model's file.</summary>
    Predictor Open(IOptionsRecord model, DataFacts facts, IReadOnlyDictionary<string, string> metadata, string file) => Open(model, facts);
}

/// <summary>An answer.</summary>
/// <param name="Input">The file, or the file and its row.</param>
public sealed record Prediction(string Input)
{
    /// <summary>The most likely class.</summary>
    public string? Class { get; init; }

    /// <summary>Its probability.</summary>
    public double? Probability { get; init; }

    /// <summary>Probabilities of all classes in their order.</summary>
    public IReadOnlyDictionary<string, double>? Probabilities { get; init; }

    /// <summary>A number in the units of the training's target.</summary>
    public double? Value { get; init; }

    /// <summary>What <see cref="Value"/> is.</summary>
    public string ValueName { get; init; } = "value";

    /// <summary>The share of ordinary inputs that a density finds likelier than this one: 0 in the middle of the data, near 1 for an anomaly.</summary>
    public double? AnomalyScore { get; init; }

    /// <summary>Whether the score is above the threshold at which one ordinary input in 1 / <see cref="TrainedModel.AlarmRate"/> gives a false alarm.</summary>
    public bool? IsAnomaly { get; init; }

    /// <summary>A PNG file: a mask whose grey values are class indices, or an enlarged picture.</summary>
    public byte[]? Picture { get; init; }

    /// <summary>Share of the picture's pixels of each class, for masks.</summary>
    public IReadOnlyDictionary<string, double>? Shares { get; init; }
}

/// <summary>A model and how it answers. Answers may be asked for from many threads at once.</summary>
internal abstract class Predictor(nn.Module module, DataFacts facts) : IDisposable
{
    // A table of a million rows is answered in pieces.
    private const int Piece = 256;

    public nn.Module Module => module;

    public DataFacts Facts => facts;

    /// <summary>The share of ordinary inputs that are called anomalies; null for models that call none so.</summary>
    public virtual double? AlarmRate
    {
        get => null;
        set => throw new NotSupportedException("This model finds no anomalies: an alarm rate belongs to models of the job 'density'.");
    }

    /// <summary>Answers inputs [N, ...] as the training saw them; names[i] is the name of input i.</summary>
    public abstract IReadOnlyList<Prediction> Answer(Tensor inputs, IReadOnlyList<string> names);

    /// <summary>Answers a file: a picture, or each row of a table.</summary>
    public virtual IEnumerable<Prediction> AnswerFile(string path, PartCatalog parts)
    {
        if (facts.Table is { } table) return AnswerTable(path, table);
        if (facts.Picture is not { } picture) throw new DataMismatchException($"The model learned from arrays ({facts.Name}) and takes no files; give it tensors of shape [{string.Join(", ", facts.Shape)}].");
        var planes = picture.Read(path, parts);
        using var scope = NewDisposeScope();
        return Answer(tensor(planes.Values, [1, planes.Channels, planes.Height, planes.Width]), [path]);
    }

    public void Dispose() => module.Dispose();

    private IEnumerable<Prediction> AnswerTable(string path, TableFacts facts)
    {
        var table = facts.Read(path);
        for (var start = 0; start < table.Rows; start += Piece)
        {
            var count = Math.Min(Piece, table.Rows - start);
            var features = new float[count * facts.Width];
            for (var i = 0; i < count; i++) facts.Fill(table, start + i, features.AsSpan(i * facts.Width, facts.Width));
            IReadOnlyList<Prediction> answers;
            using (NewDisposeScope()) answers = Answer(tensor(features, count, facts.Width), [.. Enumerable.Range(start + 1, count).Select(row => $"{path}:{row}")]);
            foreach (var answer in answers) yield return answer;
        }
    }
}

/// <summary>Answers with a class.</summary>
internal sealed class ClassPredictor(nn.Module<Tensor, Tensor> net, DataFacts facts) : Predictor(net, facts)
{
    public override IReadOnlyList<Prediction> Answer(Tensor inputs, IReadOnlyList<string> names)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var probabilities = nn.functional.softmax(net.call(inputs), 1).cpu().contiguous().data<float>().ToArray();
        var classes = Facts.Classes;
        return [.. names.Select((name, i) =>
        {
            var row = probabilities.AsSpan(i * classes.Count, classes.Count);
            var best = 0;
            for (var c = 1; c < row.Length; c++) best = row[c] > row[best] ? c : best;
            var all = new Dictionary<string, double>();
            for (var c = 0; c < row.Length; c++) all[classes[c]] = row[c];
            return new Prediction(name) { Class = classes[best], Probability = row[best], Probabilities = all };
        })];
    }
}

/// <summary>Answers with a number in the target's units.</summary>
internal sealed class NumberPredictor(nn.Module<Tensor, Tensor> net, DataFacts facts) : Predictor(net, facts)
{
    public override IReadOnlyList<Prediction> Answer(Tensor inputs, IReadOnlyList<string> names)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var values = net.call(inputs).cpu().reshape(-1).data<float>().ToArray();
        var (mean, deviation) = (Facts.Table?.TargetMean ?? 0, Facts.Table?.TargetDeviation ?? 1);
        return [.. names.Select((name, i) => new Prediction(name) { Value = (values[i] * deviation) + mean })];
    }
}
