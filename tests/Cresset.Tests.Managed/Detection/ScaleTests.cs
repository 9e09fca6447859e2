using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cresset.Benchmarks.Detection;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class ScaleTests
{
    [Theory]
    [InlineData(200)]
    [InlineData(1000)]
    public void TheSyntheticSetIsTheRecordedOneAndScoresTheSame(int images)
    {
        var expected = Golden.Json("scale_synthetic.json.gz").GetProperty("sizes")
            .GetProperty(images.ToString(CultureInfo.InvariantCulture));
        var folder = Directory.CreateTempSubdirectory("cresset-scale").FullName;
        try
        {
            string gt = Path.Combine(folder, "gt.json"), dt = Path.Combine(folder, "dt.json");
            var set = new SyntheticCocoSet();
            set.Write(gt, dt, images);
            Assert.Equal(expected.GetProperty("rng_state_end").GetString(), "0x" + set.State.ToString("x", CultureInfo.InvariantCulture));
            Assert.Equal(expected.GetProperty("gt").GetInt32(), set.Objects);
            Assert.Equal(expected.GetProperty("dt").GetInt32(), set.Detections);
            Assert.Equal(expected.GetProperty("sum_scores").GetDouble(), set.SumOfScores, 1e-6);
            var truth = CocoFormat.ReadGroundTruth(gt);
            var result = CocoEvaluator.Evaluate(truth, CocoFormat.ReadResults(dt, truth));
            CocoGoldenTests.AssertClose(expected.GetProperty("stats").Flat(), result.Stats, 1e-12, "stats");
            if (expected.TryGetProperty("ap_per_class_all_100", out var ap))
            {
                CocoGoldenTests.AssertClose(ap.Flat(),
                    Enumerable.Range(0, result.CategoryIds.Count).Select(k => result.AveragePrecision(null, k)), 1e-12, "AP");
            }
            if (expected.TryGetProperty("ap50_per_class_all_100", out var half))
            {
                CocoGoldenTests.AssertClose(half.Flat(),
                    Enumerable.Range(0, result.CategoryIds.Count).Select(k => result.AveragePrecision(0, k)), 1e-12, "AP50");
            }
            Assert.Equal(expected.GetProperty("precision_sha256").GetString(),
                Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(result.Precision))));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
