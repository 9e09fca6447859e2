using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.Statistics;

public sealed class TrainingDashboardReferenceTests
{
    [Fact]
    public void SmoothingIsTensorBoards()
    {
        using var reference = Read("smoothing.json");
        var series = Numbers(reference.RootElement.GetProperty("series"));
        foreach (var weight in reference.RootElement.GetProperty("smoothed").EnumerateObject())
        {
            Near(Numbers(weight.Value), Smoothing.Smooth(series, double.Parse(weight.Name, CultureInfo.InvariantCulture)));
        }
        var constant = reference.RootElement.GetProperty("constant");
        Assert.Equal(Numbers(constant.GetProperty("out")), Smoothing.Smooth(Numbers(constant.GetProperty("in")), 0.9));
        Assert.Throws<ArgumentOutOfRangeException>(() => Smoothing.Smooth(series, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Smoothing.Smooth(series, double.NaN));
        Assert.Empty(Smoothing.Smooth([], 0.5));
    }

    [Fact]
    public void CurvesAreScikitLearns()
    {
        using var reference = Read("pr_curve.json");
        var root = reference.RootElement;
        var curves = BinaryCurves.Of(Numbers(root.GetProperty("y")).Select(y => y == 1).ToArray(), Numbers(root.GetProperty("score")));
        var (precision, recall, thresholds) = curves.PrecisionRecall();
        Near(Numbers(root.GetProperty("precision")), precision);
        Near(Numbers(root.GetProperty("recall")), recall);
        Near(Numbers(root.GetProperty("thresholds")), thresholds);
        var (x, y, _) = curves.Roc();
        Near(Numbers(root.GetProperty("fpr")), x);
        Near(Numbers(root.GetProperty("tpr")), y);
        Assert.Equal(root.GetProperty("average_precision").GetDouble(), curves.AveragePrecision, 1e-12);
        Assert.Equal(root.GetProperty("roc_auc").GetDouble(), curves.RocArea, 1e-12);
    }

    [Fact]
    public void CurvesOfOneKindOfCases()
    {
        var none = BinaryCurves.Of([false, false], [0.1, 0.2]);
        Assert.Equal((0.0, double.NaN), (none.AveragePrecision, none.RocArea));
        Assert.Equal([1.0, 1, 0], none.PrecisionRecall().Recall);
        Assert.Throws<ArgumentException>(() => BinaryCurves.Of([], []));
        Assert.Throws<ArgumentException>(() => BinaryCurves.Of([true], [double.NaN]));
        Assert.Throws<ArgumentException>(() => BinaryCurves.Of([true], [1, 2]));
        Assert.Equal(1, BinaryCurves.Of([true, false], [2, 1]).RocArea);
    }

    private static JsonDocument Read(string name) =>
        JsonDocument.Parse(File.ReadAllText(Repository.Reference($"training-dashboard/{name}")));

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number
        ? v.GetDouble()
        : v.GetString() switch
        {
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            "nan" => double.NaN,
            var text => double.Parse(text!, CultureInfo.InvariantCulture),
        })];

    private static void Near(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (double.IsFinite(expected[i])) Assert.Equal(expected[i], actual[i], 1e-12 * Math.Max(1, Math.Abs(expected[i])));
            else Assert.Equal(expected[i], actual[i]);
        }
    }
}
