using Cresset.Data;
using Cresset.Detection;
using Cresset.Optim;
using Cresset.Recipes;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>The scenes, targets and losses of the digit detector.</summary>
public sealed class DetectorTests
{
    private static readonly DetectorOptions Small = new() { Width = 8, Blocks = 1, Size = 32, TrainScenes = 8, TestScenes = 30 };

    [Fact]
    public void ObjectsOfScenesAreWhereTheirInkIs()
    {
        using var scope = NewDisposeScope();
        Seeding.Apply(1);
        using var task = new DetectorTask(Small);
        var (truth, results) = Detect(task);
        Assert.Equal(30, truth.Images.Count);
        foreach (ref readonly var o in truth.Objects)
        {
            var mask = ((RunLengthSegmentation)o.Segmentation!).Mask;
            Assert.Equal(o.Box, mask.Bounds);
            Assert.InRange(mask.Area, 10, 400);
        }
        // What is found lies inside the pictures, and its ink inside its box.
        foreach (ref readonly var d in results.Items)
        {
            Assert.True(d.Box.X >= 0 && d.Box.Y >= 0 && d.Box.Right <= 32 && d.Box.Bottom <= 32, d.Box.ToString());
            var bounds = ((RunLengthSegmentation)d.Shape!.Segmentation!).Mask.Bounds;
            Assert.True(bounds.Width == 0 || (bounds.X >= Math.Floor(d.Box.X) && bounds.Right <= Math.Ceiling(d.Box.Right)));
        }
        // A detector that says the truth has an average precision of 1 in boxes and masks.
        var perfect = new DetectionResults([.. truth.Objects.ToArray().Select(o => new DetectedObject(o.ImageId, o.CategoryId, o.Box, .9) { Shape = new DetectionShape { Segmentation = o.Segmentation } })]);
        foreach (var kind in new[] { IouKind.Box, IouKind.Mask }) Assert.Equal(1, ProtocolEvaluator.Evaluate(truth, perfect, DetectorTask.Protocol(kind))["AP"]);
    }

    [Fact]
    public void TargetsGiveTheirBoxesBack()
    {
        using var scope = NewDisposeScope();
        var data = new DetectorData(new DetectionScenes(32, test: false), 32, 8, fixedSeed: null);
        using var batch = data.Prepare(new BatchRequest([0, 1, 2, 3], 5, 1)).ToBatch();
        var row = batch.Targets!.data<float>().ToArray();
        var length = row.Length / 4;
        for (var n = 0; n < 4; n++)
        {
            var scene = data.Scene(n, 5, 1);
            var boxes = new HashSet<(int, float, float, float, float)>();
            for (var at = 0; at < 64; at++)
            {
                float C(int plane) => row[(n * length) + (plane * 64) + at];
                if (C(0) == 0) continue;
                float x = ((at % 8) + 0.5f) * 4, y = ((at / 8) + 0.5f) * 4;
                boxes.Add(((int)C(0) - 1, x - C(1), y - C(2), x + C(3), y + C(4)));
            }
            Assert.Equal(scene.Digits.Select(d => (d.Digit, (float)d.Left, (float)d.Top, (float)d.Right, (float)d.Bottom)).Order(), boxes.Order());
        }
        // Other epochs bring other scenes, the same epoch the same.
        Assert.Equal(data.Scene(0, 5, 1).Values, data.Scene(0, 5, 1).Values);
        Assert.NotEqual(data.Scene(0, 5, 1).Values, data.Scene(0, 5, 2).Values);
    }

    [Fact]
    public void LossesFallOnOneBatch()
    {
        using var scope = NewDisposeScope();
        Seeding.Apply(2);
        using var net = new DetectorNet(Small);
        var data = new DetectorData(new DetectionScenes(32, test: false), 32, 8, fixedSeed: null);
        using var batch = data.Prepare(new BatchRequest([.. Enumerable.Range(0, 8)], 5, 0)).ToBatch();
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = 5e-3 });
        var first = Losses();
        for (var step = 0; step < 40; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.ZeroGrad();
            var (classes, boxes, ink) = DetectorLoss.Of(net, batch.Inputs, batch.Targets!);
            Derivatives.Backward(classes + boxes + ink);
            optimizer.Step();
        }
        var last = Losses();
        for (var i = 0; i < 3; i++) Assert.True(last[i] < 0.8 * first[i], $"loss {i}: {first[i]} to {last[i]}");

        double[] Losses()
        {
            using var quiet = no_grad();
            var (classes, boxes, ink) = DetectorLoss.Of(net, batch.Inputs, batch.Targets!);
            return [classes.ToDouble(), boxes.ToDouble(), ink.ToDouble()];
        }
    }

    private static (DetectionDataset Truth, DetectionResults Results) Detect(DetectorTask task)
    {
        using var quiet = no_grad();
        task.Module.eval();
        return task.Detect(new EvaluationContext(0, Seeding.Generator(0, "test"), CPU, IsFinal: true, CancellationToken.None));
    }
}
