using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>An opened data set: its parts and what is known about them. Owns its tensors.</summary>
public sealed class DataSplit : IDisposable
{
    private readonly IReadOnlyList<int>? _trainLabels;
    private readonly IReadOnlyList<IDisposable> _owned;

    /// <summary>Takes the parts over; those that can be disposed are disposed with it.</summary>
    /// <param name="facts">What a model trained on them must know.</param>
    /// <param name="train">Learned from.</param>
    /// <param name="validation">Chooses the best model; null for none.</param>
    /// <param name="test">Reported; null for none.</param>
    /// <param name="fingerprint">What tells this state of the data from another.</param>
    /// <param name="notes">What was left out, assumed or converted, a line each.</param>
    /// <param name="trainLabels">Classes of the training examples.</param>
    public DataSplit(
        DataFacts facts,
        IDataset train,
        IDataset? validation,
        IDataset? test,
        DataFingerprint fingerprint,
        IReadOnlyList<string>? notes = null,
        IReadOnlyList<int>? trainLabels = null)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(fingerprint);
        (Facts, Train, Validation, Test, Fingerprint, Notes) = (facts, train, validation, test, fingerprint,
            [.. notes ?? [], .. TwinNames.Notes(facts)]);
        _trainLabels = trainLabels;
        _owned = [.. new[] { train, validation, test }.OfType<IDisposable>().Distinct()];
    }

    /// <summary>Shapes, classes, preprocessing.</summary>
    public DataFacts Facts { get; }

    /// <summary>Learned from.</summary>
    public IDataset Train { get; }

    /// <summary>Chooses the best model; null where the split keeps none.</summary>
    public IDataset? Validation { get; }

    /// <summary>Reported; null where the split keeps none.</summary>
    public IDataset? Test { get; }

    /// <summary>What tells this state of the data from another.</summary>
    public DataFingerprint Fingerprint { get; }

    /// <summary>What was left out, assumed or converted, a line each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>What chooses the best model: the validation part, else the test part, else the training part.</summary>
    public IDataset Choosing => Validation ?? Test ?? Train;

    /// <summary>What is reported: the test part, else the validation part, else the training part.</summary>
    public IDataset Reported => Test ?? Validation ?? Train;

    /// <summary>"1,437 to learn from, 180 to choose by, 180 to be tested on".</summary>
    public string Describe() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Train.Count:N0} to learn from, "
        + $"{Validation?.Count ?? 0:N0} to choose by, {Test?.Count ?? 0:N0} to be tested on");

    /// <summary>A weight for each class, the rarer the larger, whose mean over the training examples is 1.</summary>
    /// <exception cref="InvalidOperationException">The data set has no classes.</exception>
    public float[] ClassWeights()
    {
        if (_trainLabels is null) throw new InvalidOperationException($"{Facts.Name} has no classes to weigh.");
        var counts = new int[Facts.Classes.Count];
        foreach (var label in _trainLabels) counts[label]++;
        var present = counts.Count(c => c > 0);
        return [.. counts.Select(c => c == 0 ? 0f : (float)_trainLabels.Count / (present * c))];
    }

    /// <summary>
    /// Mean and deviation of each channel (of each feature for a table) over the training part; over 1,024 evenly spaced examples where it
    /// is larger. The deviation of a constant is given as 1.
    /// </summary>
    public (float[] Mean, float[] Deviation) Standardization()
    {
        const int Most = 1024;
        int count = Math.Min(Most, Train.Count), channels = (int)Facts.Shape[0];
        double[] mean = new double[channels], squares = new double[channels], low = new double[channels], high = new double[channels];
        Array.Fill(low, double.PositiveInfinity);
        Array.Fill(high, double.NegativeInfinity);
        var each = Facts.Shape.Skip(1).Aggregate(1L, (a, b) => a * b);
        double seen = 0;
        for (var start = 0; start < count; start += 64)
        {
            int[] indices = [.. Enumerable.Range(start, Math.Min(64, count - start)).Select(i => (int)((long)i * Train.Count / count))];
            using var scope = NewDisposeScope();
            var inputs = Train.Prepare(new BatchRequest(indices, 0, 0)).ToBatch().Inputs.to(ScalarType.Float64)
                .reshape(indices.Length, channels, each);
            var middle = inputs.mean([0L, 2L], keepdim: true);
            var (means, powers) = (middle.reshape(-1).data<double>().ToArray(),
                (inputs - middle).square().sum([0L, 2L]).data<double>().ToArray());
            var (least, most) = (inputs.amin([0L, 2L]).data<double>().ToArray(), inputs.amax([0L, 2L]).data<double>().ToArray());
            double own = (double)indices.Length * each, all = seen + own;
            for (var c = 0; c < channels; c++)
            {
                // Sums of squares around the mean, joined (Chan et al. 1983): the difference of large squares would lose small deviations.
                var apart = means[c] - mean[c];
                squares[c] += powers[c] + (apart * apart * seen * own / all);
                mean[c] += apart * own / all;
                (low[c], high[c]) = (Math.Min(low[c], least[c]), Math.Max(high[c], most[c]));
            }
            seen = all;
        }
        var deviation = squares.Select((s, c) => low[c] == high[c] ? 1 : (float)Math.Sqrt(s / seen)).Select(d => d > 0 ? d : 1);
        return ([.. mean.Select(m => (float)m)], [.. deviation]);
    }

    /// <summary>Divides examples that lie in memory.</summary>
    /// <param name="facts">Shapes and classes.</param>
    /// <param name="inputs">[N, ...]; copied.</param>
    /// <param name="targets">[N, ...], or null.</param>
    /// <param name="split">How they are divided.</param>
    /// <param name="givenTest">Number of examples at the end that the data set itself keeps for testing.</param>
    /// <param name="notes">What was left out, assumed or converted.</param>
    /// <param name="names">Name of each example; its number from 0 by default.</param>
    /// <param name="column">Cells of a column of the data set's table.</param>
    public static DataSplit FromTensors(
        DataFacts facts,
        Tensor inputs,
        Tensor? targets,
        SplitRule split,
        int givenTest = 0,
        IReadOnlyList<string>? notes = null,
        IReadOnlyList<string>? names = null,
        Func<string, IReadOnlyList<string>>? column = null)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(split);
        using var scope = NewDisposeScope();
        var count = checked((int)inputs.size(0));
        var labels = facts.Target == TargetKind.Class ? targets!.data<long>().Select(l => (int)l).ToArray() : null;
        var parts = split.Divide(new SplitExamples
        {
            Name = facts.Name,
            Names = names ?? [.. Enumerable.Range(0, count).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))],
            Labels = labels,
            GivenTest = givenTest > 0 ? Enumerable.Range(count - givenTest, givenTest).ToHashSet() : null,
            Column = column,
        });
        CheckParts(facts.Name, parts);
        TensorDataset? Part(int[] indices)
        {
            if (indices.Length == 0) return null;
            var chosen = tensor(indices.Select(i => (long)i).ToArray());
            return new TensorDataset(inputs.index_select(0, chosen), targets?.index_select(0, chosen));
        }
        return new DataSplit(facts, Part(parts.Train)!, Part(parts.Validation), Part(parts.Test),
            DataFingerprint.OfTensors(count, inputs, targets), notes, labels is null ? null : [.. parts.Train.Select(i => labels[i])]);
    }

    /// <summary>Frees the parts.</summary>
    public void Dispose()
    {
        foreach (var part in _owned) part.Dispose();
    }

    internal static void CheckParts(string name, SplitParts parts)
    {
        if (parts.Train.Length == 0) throw new DataMismatchException($"{name}: the split leaves nothing to learn from.");
        var all = parts.Train.Concat(parts.Validation).Concat(parts.Test).ToList();
        if (all.Distinct().Count() != all.Count) throw new DataMismatchException($"{name}: the split puts an example into two parts.");
    }
}

/// <summary>Looks into a dataset.</summary>
public static class DatasetExtensions
{
    /// <summary>The first examples, at most <paramref name="count"/>, as one batch in the caller's scope.</summary>
    public static Batch Take(this IDataset data, int count)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Prepare(new BatchRequest([.. Enumerable.Range(0, Math.Min(count, data.Count))], 0, 0)).ToBatch();
    }

    /// <summary>
    /// At most <paramref name="count"/> examples, evenly spaced, as one batch in the caller's scope: folders are sorted by class, so the
    /// first ones are all of one kind.
    /// </summary>
    public static Batch Spread(this IDataset data, int count)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var taken = Math.Min(count, data.Count);
        return data.Prepare(new BatchRequest([.. Enumerable.Range(0, taken).Select(i => (int)((long)i * data.Count / taken))], 0, 0))
            .ToBatch();
    }
}
