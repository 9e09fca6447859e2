using Cresset.Detection;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class BoxOperationTests
{
    private static readonly ReferenceTensors Reference = new("detection/torchvision_ops.safetensors");

    [Theory]
    [InlineData(BoxIouKind.Plain, "box_iou")]
    [InlineData(BoxIouKind.Generalized, "giou")]
    [InlineData(BoxIouKind.Distance, "diou")]
    [InlineData(BoxIouKind.Complete, "ciou")]
    public void OverlapsAgreeWithTorchvision(BoxIouKind kind, string name)
    {
        var result = new double[40 * 30];
        PairwiseIou.Compute(Reference["a_f64"], Reference["b_f64"], result, kind);
        CocoGoldenTests.AssertClose(Reference[name + "_f64"], result, 1e-12, name);
        var single = new float[40 * 30];
        PairwiseIou.Compute<float>(Singles("a_f32"), Singles("b_f32"), single, kind);
        CocoGoldenTests.AssertClose(Reference[name + "_f32"], single.Select(x => (double)x), 2e-6, name + " float");
    }

    [Fact]
    public void ConversionsAgreeWithTorchvision()
    {
        var boxes = Reference["a_f64"];
        var converted = new double[boxes.Length];
        BoxList.Convert<double>(boxes, BoxFormat.Xyxy, BoxFormat.Xywh, converted);
        CocoGoldenTests.AssertClose(Reference["xywh_f64"], converted, 1e-12, "xywh");
        BoxList.Convert<double>(boxes, BoxFormat.Xyxy, BoxFormat.Cxcywh, converted);
        CocoGoldenTests.AssertClose(Reference["cxcywh_f64"], converted, 1e-12, "cxcywh");
        BoxList.Convert<double>(converted, BoxFormat.Cxcywh, BoxFormat.Xyxy, converted);
        CocoGoldenTests.AssertClose(Reference["back_from_cxcywh_f64"], converted, 1e-12, "back");
        var areas = new double[40];
        BoxList.Areas<double>(boxes, areas);
        CocoGoldenTests.AssertClose(Reference["area_f64"], areas, 1e-12, "area");
        Assert.Equal(Reference["keep_min10_f64"].Select(x => (int)x), BoxList.AtLeast<double>(boxes, 10));
        BoxList.Clip<double>(boxes, 50, 60);
        CocoGoldenTests.AssertClose(Reference["clip_50x60_f64"], boxes, 0, "clip");
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.5)]
    [InlineData(0.7)]
    public void SuppressionKeepsTheSameBoxesAsTorchvision(double threshold)
    {
        var labels = Reference["nms_labels"].Select(x => (int)x).ToArray();
        var name = threshold.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(Kept($"nms_{name}_f64"),
            NonMaximumSuppression.Hard<double>(Reference["nms_boxes_f64"], Reference["nms_scores_f64"], threshold));
        Assert.Equal(Kept($"nms_{name}_f32"),
            NonMaximumSuppression.Hard<float>(Singles("nms_boxes_f32"), Singles("nms_scores_f32"), threshold));
        Assert.Equal(Kept($"batched_nms_{name}_f64"),
            NonMaximumSuppression.Hard<double>(Reference["nms_boxes_f64"], Reference["nms_scores_f64"], threshold, labels));
        labels = Reference["nms_labels_f32"].Select(x => (int)x).ToArray();
        Assert.Equal(Kept($"batched_nms_{name}_f32"),
            NonMaximumSuppression.Hard<float>(Singles("nms_boxes_f32"), Singles("nms_scores_f32"), threshold, labels));
    }

    [Fact]
    public void TiesKeepTheOrderOfTheInput()
        => Assert.Equal(Kept("nms_tie_0.5"),
            NonMaximumSuppression.Hard<double>(Reference["nms_tie_boxes"], Reference["nms_tie_scores"], 0.5));

    [Fact]
    public void SoftRulesLowerScoresAndLoseNothingWithoutOverlap()
    {
        double[] apart = [0, 0, 10, 10, 20, 0, 30, 10, 40, 0, 50, 10];
        double[] scores = [.2, .9, .5];
        Assert.Equal([new(1, .9), new(2, .5), new(0, .2)], NonMaximumSuppression.Soft<double>(apart, scores));
        Assert.Equal([new(1, .9), new(2, .5), new(0, .2)], NonMaximumSuppression.Matrix<double>(apart, scores));
        double[] half = [0, 0, 10, 10, 0, 0, 10, 5];
        double[] two = [.9, .8];
        Assert.Equal(.8 * Math.Exp(-.25 / .5), NonMaximumSuppression.Soft<double>(half, two)[1].Score, 1e-12);
        Assert.Equal(.8 * .5, NonMaximumSuppression.Soft<double>(half, two, ScoreDecay.Linear)[1].Score, 1e-12);
        Assert.Equal(.8 * Math.Exp(-2 * .25), NonMaximumSuppression.Matrix<double>(half, two)[1].Score, 1e-12);
        Assert.Equal(.8 * .5, NonMaximumSuppression.Matrix<double>(half, two, ScoreDecay.Linear)[1].Score, 1e-12);
        int[] labels = [0, 1];
        Assert.Equal([new(0, .9), new(1, .8)], NonMaximumSuppression.Soft<double>(half, two, labels: labels));
    }

    [Fact]
    public void KeptBoxesDoNotOverlapAndRemovedOnesDo()
    {
        var box = Gen.Select(Gen.Double[0, 50], Gen.Double[0, 50], Gen.Double[1, 30], Gen.Double[1, 30], (x, y, w, h)
            => new[] { x, y, x + w, y + h });
        Gen.Select(box.Array[1, 40], Gen.Double[0.1, 0.9]).Sample((list, threshold) =>
        {
            var boxes = list.SelectMany(b => b).ToArray();
            var scores = Enumerable.Range(0, list.Length).Select(i => (double)(i * 7 % 11)).ToArray();
            var kept = NonMaximumSuppression.Hard<double>(boxes, scores, threshold);
            foreach (var i in kept)
            {
                foreach (var j in kept) Assert.True(i == j || PairwiseIou.Single<double>(list[i], list[j]) <= threshold);
            }
            foreach (var lost in Enumerable.Range(0, list.Length).Except(kept))
            {
                Assert.Contains(kept, k => scores[k] >= scores[lost] && PairwiseIou.Single<double>(list[k], list[lost]) > threshold);
            }
        }, iter: 200, threads: 1);
    }

    [Fact]
    public void TurnedBoxesAgreeWithPolygonClipping()
    {
        foreach (var pair in Golden.Json("oriented.json.gz").GetProperty("pairs").EnumerateArray())
        {
            double[] p = pair.GetProperty("a").Doubles(), q = pair.GetProperty("b").Doubles();
            OrientedBox a = new(p[0], p[1], p[2], p[3], p[4]), b = new(q[0], q[1], q[2], q[3], q[4]);
            Assert.Equal(pair.GetProperty("iou").GetDouble(), a.Iou(b), 1e-9);
            Assert.Equal(pair.GetProperty("inter").GetDouble(), a.Intersection(b), 1e-9 * Math.Max(1, a.Area));
            Assert.Equal(a.Iou(b), b.Iou(a), 1e-9);
        }
    }

    private static int[] Kept(string name) => [.. Reference[name].Select(x => (int)x)];

    private static float[] Singles(string name) => [.. Reference[name].Select(x => (float)x)];
}
