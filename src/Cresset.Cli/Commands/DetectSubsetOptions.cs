using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary>The options that choose images and classes, and slice a score by a field of the images.</summary>
internal sealed class DetectSubsetOptions
{
    private readonly Option<string[]> _categories = new("--categories")
    {
        Description = "Only these classes, by name or id.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "NAME"
    };
    private readonly Option<string[]> _chosen = new(
        "--image-ids")
    {
        Description = "Only these images, by id or file name; @FILE reads one per line.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "ID"
    };
    private readonly Option<string?> _slice = new(
        "--slice")
    { Description = "Also the score of every value of an image field, or of 'folder' or 'size'.", HelpName = "FIELD" };

    public void AddTo(Command command, bool withSlices = true)
    {
        command.Add(_categories);
        command.Add(_chosen);
        if (withSlices) command.Add(_slice);
    }

    public (DetectionDataset Dataset, DetectionResults Results) Apply(ParseResult r, DetectionDataset dataset, DetectionResults results)
    {
        if (r.GetValue(_categories) is { Length: > 0 } classes) (dataset, results) = DatasetSubset.OfCategories(dataset, results, classes);
        if (r.GetValue(_chosen) is { Length: > 0 } given)
        {
            string[] names = [.. given.SelectMany(n => n.StartsWith('@')
                ? File.ReadAllLines(n[1..]).Select(l => l.Trim()).Where(l => l.Length > 0) : [n])];
            (dataset, results) = DatasetSubset.OfImages(dataset, results, names);
        }
        return (dataset, results);
    }

    /// <summary>The score of every value of the field that was asked for; empty without one.</summary>
    public IReadOnlyList<DetectSlice> Slices(ParseResult r, DetectionDataset dataset, DetectionResults results, ProtocolOptions options,
        CancellationToken cancellation)
    {
        if (r.GetValue(_slice) is not { } field) return [];
        return Slices(field, DatasetSubset.By(dataset, field).Select(v => (v.Value, (IReadOnlySet<long>)v.Images)), dataset, results,
            options, cancellation);
    }

    /// <summary>The score of every set of images.</summary>
    public static IReadOnlyList<DetectSlice> Slices(string field, IEnumerable<(string Value, IReadOnlySet<long> Images)> values,
        DetectionDataset dataset,
        DetectionResults results, ProtocolOptions options, CancellationToken cancellation)
    {
        var slices = new List<DetectSlice>();
        foreach (var (value, images) in values)
        {
            cancellation.ThrowIfCancellationRequested();
            var (part, found) = DatasetSubset.Of(dataset, results, images.Contains);
            var score = ScoreSummary.Of(ProtocolEvaluator.Evaluate(part, found, options, null, cancellation), options, part, found);
            slices.Add(new DetectSlice(field, value, part.Images.Count, part.Objects.Length, score));
        }
        return slices;
    }

    /// <summary>A table of the headline for every value; a slice without objects has none.</summary>
    public static void Print(IReadOnlyList<DetectSlice> slices, DetectionDataset dataset, ScoreSummary whole)
    {
        if (slices.Count == 0) return;
        var names = whole.Statistics.Take(3).Select(s => s.Name).ToArray();
        string[][] rows = [Row("all", dataset.Images.Count, dataset.Objects.Length, names.Select(whole.ValueOf)),
            .. slices.Select(s => Row($"{s.Field} = {s.Value}", s.Images, s.Objects, names.Select(s.Score.ValueOf)))];
        Output.Table(["slice", "images", "objects", .. names], rows);
    }

    private static string[] Row(string name, int images, int objects, IEnumerable<double> values)
        => [name, Text(images), Text(objects),
            .. values.Select(v => double.IsNaN(v) ? "-" : v.ToString("0.000000", CultureInfo.InvariantCulture))];

    private static string Text(int n) => n.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The score of the images that have one value of a field.</summary>
internal sealed record DetectSlice(string Field, string Value, int Images, int Objects, ScoreSummary Score);
