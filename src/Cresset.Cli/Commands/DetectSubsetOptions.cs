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
        Description = "Only these images, by id or file name; @FILE reads one a line.",
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

    /// <summary>A table of the headline for every value; a slice without objects has none.</summary>
    public void PrintSlices(ParseResult r, DetectionDataset dataset, DetectionResults results, ProtocolOptions options,
        ScoreSummary whole, CancellationToken cancellation)
    {
        if (r.GetValue(_slice) is not { } field) return;
        var slices = DatasetSubset.By(dataset, field);
        var names = whole.Statistics.Take(3).Select(s => s.Name).ToArray();
        var rows = new List<string[]> { Row("all", dataset, names.Select(whole.ValueOf)) };
        foreach (var (value, images) in slices)
        {
            cancellation.ThrowIfCancellationRequested();
            var (part, found) = DatasetSubset.Of(dataset, results, images.Contains);
            var score = ScoreSummary.Of(ProtocolEvaluator.Evaluate(part, found, options, null, cancellation), options.Kind, part, found);
            rows.Add(Row($"{field} = {value}", part, names.Select(score.ValueOf)));
        }
        Output.Table(["slice", "images", "objects", .. names], rows);
    }

    private static string[] Row(string name, DetectionDataset part, IEnumerable<double> values)
        => [name, Text(part.Images.Count), Text(part.Objects.Length),
            .. values.Select(v => double.IsNaN(v) ? "-" : v.ToString("0.000000", CultureInfo.InvariantCulture))];

    private static string Text(int n) => n.ToString(CultureInfo.InvariantCulture);
}
