using Cresset.Data;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A model and how it answers. Answers may be asked for from many threads at once.</summary>
internal abstract class Predictor(DataFacts facts) : IDisposable
{
    // A table of a million rows is answered in pieces.
    private const int Piece = 256;
    private readonly ReaderWriterLockSlim _use = new();
    private bool _isDisposed;

    public DataFacts Facts => facts;

    /// <summary>The share of ordinary inputs that are called anomalies; null for models that call none so.</summary>
    public virtual double? AlarmRate
    {
        get => null;
        set => throw new NotSupportedException("This model finds no anomalies: an alarm rate belongs to models of the job 'density'.");
    }

    /// <summary>Takes the weights from the model's file.</summary>
    public abstract void Load(StoredModel stored);

    /// <summary>Answers inputs [N, ...] as the training saw them; names[i] is the name of input i.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<Prediction> Answer(Tensor inputs, IReadOnlyList<string> names) => Use(() => Compute(inputs, names));

    /// <summary>Answers a file: a picture, or each row of a table.</summary>
    public IEnumerable<Prediction> AnswerFile(string path, PartCatalog parts)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (facts.Table is { } table) return AnswerTable(path, table);
        if (facts.Sound is not null) throw new DataMismatchException($"{path}: the model codes sounds, which 'cresset vq encode' does.");
        if (facts.Picture is null && !TakesAnyPicture) throw NoFiles();
        return [AnswerPicture(Content(path), path, parts)];
    }

    /// <summary>Answers the bytes of a picture's file.</summary>
    public Prediction AnswerPicture(byte[] content, string name, PartCatalog parts)
    {
        if (facts.Picture is null && !TakesAnyPicture)
            throw facts.Table is null ? NoFiles()
                : new DataMismatchException(
                    $"{name}: the model learned from a table ({string.Join(", ", facts.Table.Columns.Select(c => c.Name).Take(20))}); give "
                        + $"it rows.");
        return Use(() => OfPicture(content, name, parts));
    }

    /// <summary>Answers one row given by the names of its columns.</summary>
    public Prediction AnswerRow(IReadOnlyDictionary<string, object?> cells, string name)
    {
        if (facts.Table is not { } table)
            throw new DataMismatchException(
                $"{name}: the model learned from {facts.Name}, which is not a table: rows are not a question for it.");
        var features = table.Row(cells, name);
        return Use(() => Compute(tensor(features, 1, table.Width), [name]))[0];
    }

    public void Dispose()
    {
        _use.EnterWriteLock();
        try
        {
            if (_isDisposed) return;
            _isDisposed = true;
            Free();
        }
        finally
        {
            _use.ExitWriteLock();
        }
    }

    /// <summary>True for models that take pictures of any size as they are.</summary>
    protected virtual bool TakesAnyPicture => false;

    /// <summary>The answers; tensors made here live no longer than the call.</summary>
    protected abstract IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names);

    /// <summary>Answers a picture's file, brought to what the training saw.</summary>
    protected virtual Prediction OfPicture(byte[] content, string name, PartCatalog parts)
    {
        var planes = facts.Picture!.Read(content, name, parts);
        return Compute(tensor(planes.Values, [1, planes.Channels, planes.Height, planes.Width]), [name])[0];
    }

    protected abstract void Free();

    // Native memory that is freed in the middle of an answer ends the process: who disposes waits for those who ask.
    private T Use<T>(Func<T> answer)
    {
        _use.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            return answer();
        }
        finally
        {
            _use.ExitReadLock();
        }
    }

    private static byte[] Content(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (IOException e) when (e is not FileNotFoundException and not DirectoryNotFoundException)
        {
            throw new InvalidDataException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private DataMismatchException NoFiles() =>
        new($"The model learned from arrays ({facts.Name}) and takes no files; give it tensors of shape "
            + $"[{string.Join(", ", facts.Shape)}].");

    private IEnumerable<Prediction> AnswerTable(string path, TableFacts facts)
    {
        var table = facts.Read(path);
        for (var start = 0; start < table.Rows; start += Piece)
        {
            var count = Math.Min(Piece, table.Rows - start);
            var features = new float[count * facts.Width];
            for (var i = 0; i < count; i++) facts.Fill(table, start + i, features.AsSpan(i * facts.Width, facts.Width));
            string[] names = [.. Enumerable.Range(start + 1, count).Select(row => $"{path}:{row}")];
            foreach (var answer in Use(() => Compute(tensor(features, count, facts.Width), names))) yield return answer;
        }
    }
}

/// <summary>A predictor whose model is one module.</summary>
internal abstract class ModulePredictor(nn.Module module, DataFacts facts) : Predictor(facts)
{
    public override void Load(StoredModel stored)
    {
        StateDict.Load(module, stored.Source);
        module.eval();
    }

    protected override void Free() => module.Dispose();
}

/// <summary>Answers with a class.</summary>
internal sealed class ClassPredictor(nn.Module<Tensor, Tensor> net, DataFacts facts) : ModulePredictor(net, facts)
{
    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
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
internal sealed class NumberPredictor(nn.Module<Tensor, Tensor> net, DataFacts facts) : ModulePredictor(net, facts)
{
    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var values = net.call(inputs).cpu().reshape(-1).data<float>().ToArray();
        var (mean, deviation) = (Facts.Table?.TargetMean ?? 0, Facts.Table?.TargetDeviation ?? 1);
        return [.. names.Select((name, i) => new Prediction(name) { Value = (values[i] * deviation) + mean })];
    }
}
