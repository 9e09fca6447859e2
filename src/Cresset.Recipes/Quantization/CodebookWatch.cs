using System.Globalization;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Keeps an eye on every codebook of a tokenizer in training: usage over windows of batches, warnings, pictures.</summary>
internal sealed class CodebookWatch : ISaved
{
    private const int Window = 25;
    private readonly CodeUsage[] _recent;
    private readonly List<(int Step, double[] Used)> _history = [];
    private readonly HashSet<string> _warned = [];

    public CodebookWatch(Tokenizer tokenizer)
    {
        Suffixes = SuffixesOf(tokenizer);
        _recent = Fresh(tokenizer);
    }

    /// <summary>What tells the codebooks apart in names of values: empty for a single one.</summary>
    public IReadOnlyList<string> Suffixes { get; }

    /// <summary>Empty histograms, one a codebook: levels from the coarsest, their stages or scales in order.</summary>
    public static CodeUsage[] Fresh(Tokenizer tokenizer) =>
        [.. tokenizer.Quantizers.SelectMany(q => q.Scales.Count > 0 ? q.Scales.Select(_ => q.CodebookSizes[0]) : q.CodebookSizes)
            .Select(size => new CodeUsage(size))];

    /// <summary>Adds the choices of one call to histograms made by <see cref="Fresh"/>.</summary>
    public static void Add(CodeUsage[] usage, VqVaeOutput output)
    {
        var i = 0;
        foreach (var batch in output.Quantization.SelectMany(q => q.Statistics.Batch)) usage[i++].Add(batch);
    }

    /// <summary>
    /// The choices of one call as numbers: of each histogram how many codes were chosen, then pairs of code (in two halves) and count.
    /// </summary>
    public static IEnumerable<double> Choices(VqVaeOutput output)
    {
        foreach (var batch in output.Quantization.SelectMany(q => q.Statistics.Batch))
        {
            List<(long Code, long Count)> counts = [.. batch.Counts()];
            yield return counts.Count;
            foreach (var (code, count) in counts)
            {
                // Codes of implicit codebooks have up to 60 bits, of which a double holds 53.
                yield return code >> 32;
                yield return code & uint.MaxValue;
                yield return count;
            }
        }
    }

    /// <summary>Adds what <see cref="Choices"/> gave to histograms made by <see cref="Fresh"/>.</summary>
    public static void Add(CodeUsage[] usage, ReadOnlySpan<double> choices)
    {
        var at = 0;
        foreach (var histogram in usage)
        {
            for (var left = (int)choices[at++]; left > 0; left--, at += 3)
                histogram.Add(((long)choices[at] << 32) | (long)choices[at + 1], (long)choices[at + 2]);
        }
    }

    /// <summary>Takes note of a training step.</summary>
    public void Observe(VqVaeOutput output, StepContext step)
    {
        Add(_recent, output);
        foreach (var warning in output.Quantization.SelectMany(q => q.Statistics.Warnings))
        {
            if (_warned.Add(warning.Split('.')[0].Split(':')[0])) step.Recorder.Note($"Step {step.Step + 1}: {warning}");
        }
        if ((step.Step + 1) % Window != 0) return;
        // Usage over the last batches: that of one batch alone would mislead.
        for (var i = 0; i < _recent.Length; i++)
        {
            step.Recorder.Scalar($"train/codes_used{Suffixes[i]}", step.Step + 1, _recent[i].Used);
            step.Recorder.Scalar($"train/perplexity{Suffixes[i]}", step.Step + 1, _recent[i].Perplexity);
        }
        _history.Add((step.Step + 1, [.. _recent.Select(u => u.UsedShare)]));
        foreach (var usage in _recent) usage.Clear();
    }

    /// <inheritdoc/>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Put("codebooks", writer =>
        {
            writer.Write(_recent.Length);
            foreach (var usage in _recent)
            {
                writer.Write(usage.Size);
                writer.Write(usage.Used);
                foreach (var (code, count) in usage.Counts())
                {
                    writer.Write(code);
                    writer.Write(count);
                }
            }
            writer.Write(_history.Count);
            foreach (var (step, used) in _history)
            {
                writer.Write(step);
                foreach (var share in used) writer.Write(share);
            }
            writer.Write(_warned.Count);
            foreach (var warning in _warned.Order(StringComparer.Ordinal)) writer.Write(warning);
        });
    }

    /// <inheritdoc/>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var recent = _recent.Select(usage => new CodeUsage(usage.Size)).ToArray();
        var history = new List<(int Step, double[] Used)>();
        var warned = new List<string>();
        state.Get("codebooks", reader =>
        {
            if (reader.ReadInt32() != recent.Length) throw Other();
            foreach (var usage in recent)
            {
                if (reader.ReadInt64() != usage.Size) throw Other();
                for (var left = reader.ReadInt64(); left > 0; left--) usage.Add(reader.ReadInt64(), reader.ReadInt64());
            }
            for (var left = reader.ReadInt32(); left > 0; left--)
                history.Add((reader.ReadInt32(), [.. recent.Select(_ => reader.ReadDouble())]));
            for (var left = reader.ReadInt32(); left > 0; left--) warned.Add(reader.ReadString());
        });
        for (var i = 0; i < recent.Length; i++)
        {
            _recent[i].Clear();
            _recent[i].Add(recent[i]);
        }
        _history.Clear();
        _history.AddRange(history);
        _warned.Clear();
        _warned.UnionWith(warned);

        InvalidDataException Other() => new($"{state.Origin}: its codebooks have other sizes than those of this tokenizer.");
    }

    /// <summary>The share of codes in use over the steps; null before there are two windows.</summary>
    public TaskPicture? OverTime()
    {
        if (_history.Count < 2) return null;
        var chart = new Chart(
            new ChartOptions
            {
                Title = "Codes in use",
                XLabel = "step",
                YLabel = "share of the codebook",
                Legend = LegendPlace.LowerRight
            });
        double[] steps = [.. _history.Select(h => (double)h.Step)];
        for (var i = 0; i < _recent.Length; i++)
        {
            double[] used = [.. _history.Select(h => h.Used[i])];
            chart.Line<double, double>(Name(i), steps, used);
        }
        return new TaskPicture("usage", chart.YLimits(0, 1.05).ToPng(), $"Codes chosen at least once in {Window} batches.");
    }

    /// <summary>How often each code was chosen, from the most to the least frequent.</summary>
    public TaskPicture Ranking(IReadOnlyList<CodeUsage> usage)
    {
        var title = usage.Count == 1
            ? string.Create(CultureInfo.InvariantCulture,
                $"{usage[0].Used} of {usage[0].Size} codes in use, perplexity {usage[0].Perplexity:F0}")
            : "How often each code is chosen";
        var chart = new Chart(new ChartOptions { Title = title, XLabel = "code, by rank", YLabel = "share of all choices", LogY = true });
        for (var i = 0; i < usage.Count; i++)
        {
            double[] shares = [.. usage[i].Counts().Select(c => (double)c.Count / usage[i].Total).OrderDescending()];
            double[] ranks = [.. Enumerable.Range(1, shares.Length).Select(r => (double)r)];
            if (shares.Length > 1) chart.Line<double, double>(Name(i), ranks, shares);
        }
        return new TaskPicture("codes", chart.ToPng(), "Held-out pictures: a flat line uses all codes alike, a short one has dead codes.");
    }

    /// <summary>How far vectors lie from their codes.</summary>
    public static TaskPicture Distances(DistanceHistogram distances)
    {
        double[] middles = [.. distances.Counts.Select((_, i) => (distances.Edges[i] + distances.Edges[i + 1]) / 2)];
        double[] counts = [.. distances.Counts.Select(c => (double)c)];
        var chart = new Chart(
            new ChartOptions
            {
                Title =
                string.Create(CultureInfo.InvariantCulture, $"Distance of vectors from their codes, mean {distances.Mean:G3}"),
                XLabel = "|z - q|",
                YLabel = "vectors"
            });
        return new TaskPicture("distances", chart.Line<double, double>("held-out vectors", middles, counts).ToPng(),
            "What the straight-through estimator pretends to be zero.");
    }

    private string Name(int i) => Suffixes[i].Length == 0 ? "codebook" : Suffixes[i][1..];

    private static List<string> SuffixesOf(Tokenizer tokenizer)
    {
        var names = new List<string>();
        var levels = tokenizer.Quantizers.Count;
        for (var level = 0; level < levels; level++)
        {
            var stages = tokenizer.Quantizers[level].CodebookSizes.Count;
            var place = levels == 1 ? "" : level == 0 ? "_top" : level == levels - 1 ? "_bottom" : $"_level{level}";
            if (tokenizer.Quantizers[level].Scales is { Count: > 0 } scales) names.AddRange(scales.Select(side => $"{place}_scale{side}"));
            else for (var stage = 0; stage < stages; stage++) names.Add(stages == 1 ? place : $"{place}_stage{stage}");
        }
        return names;
    }
}
