using Cresset.Detection;
using Xunit;

namespace MyScore;

/// <summary>The detector's results may not fall below these figures, nor below those of the main branch.</summary>
public sealed class DetectorScoreTests
{
    private static readonly ScoreSummary Score = Read("truth.json", "results.json");

    [Fact]
    public void ReachesWhatIsPromised() => DetectionAssert.AtLeast(Score, "AP=0.5", "AP50=0.9", "AP50/person=0.9");

    [Fact]
    public void IsNotWorseThanTheMainBranch() => DetectionAssert.NoDrop(Score, ScoreSummary.Read(Path("base.json")), "AP=0.01");

    private static ScoreSummary Read(string truthFile, string resultsFile)
    {
        var truth = CocoFormat.ReadGroundTruth(Path(truthFile));
        var results = CocoFormat.ReadResults(Path(resultsFile), truth);
        var rules = new ProtocolOptions { Protocol = DetectionProtocol.Coco };
        return ScoreSummary.Of(ProtocolEvaluator.Evaluate(truth, results, rules), rules, truth, results);
    }

    private static string Path(string file) => System.IO.Path.Combine(AppContext.BaseDirectory, "scores", file);
}
