using System.Globalization;
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
public sealed class DetectorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-detector-").FullName;

    private static readonly DetectorOptions Small = new() { Width = 8, Blocks = 1, Size = 32, TrainScenes = 8, TestScenes = 30 };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

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
        var perfect = new DetectionResults(
            [.. truth.Objects.ToArray().Select(o
            => new DetectedObject(o.ImageId, o.CategoryId, o.Box, .9) { Shape = new DetectionShape { Segmentation = o.Segmentation } })]);
        foreach (var kind in new[] { IouKind.Box, IouKind.Mask }) Assert.Equal(1,
            ProtocolEvaluator.Evaluate(truth, perfect, DetectorTask.Protocol(kind))["AP"]);
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
            Assert.Equal(scene.Digits.Select(d => (d.Digit, (float)d.Left, (float)d.Top, (float)d.Right, (float)d.Bottom)).Order(),
                boxes.Order());
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

    /// <summary>A file in, what the evaluation finds in the same scene out, whatever its size and colours.</summary>
    [Fact]
    public void AModelAnswersPicturesOfAnySize()
    {
        using var scope = NewDisposeScope();
        Seeding.Apply(3);
        using var task = new DetectorTask(Small);
        // Every cell is fairly sure of every class, so that there is much to be found.
        using (no_grad()) task.Module.named_parameters().Single(p => p.name == "classes.3.bias").parameter.fill_(0);
        var (_, results) = Detect(task);
        var path = Path.Combine(_folder, "model.safetensors");
        StateDict.Save(task.Module, path, ModelFile.Metadata("detector", Small, DetectorTask.Facts(Small)));
        using var model = TrainedModel.Open(path);
        for (var image = 1; image <= 3; image++)
        {
            var expected = results.Items.ToArray().Where(d => d.ImageId == image).ToArray();
            var answer = model.PredictPicture(task.Scene(image).ToPng(), "scene");
            // A scene's values are rounded to bytes on their way through a file, which moves all of it a little.
            Assert.Equal(expected[0].Score, answer.Objects![0].Detection.Score, 0.02);
            Assert.True(answer.Objects!.Count >= expected.Length);
            Assert.All(answer.Objects!, o => Assert.Equal(o.Detection.CategoryId, int.Parse(o.Class, CultureInfo.InvariantCulture) + 1));
            Assert.All(answer.Objects!, o => Assert.Equal((32, 32), (MaskOf(o).Height, MaskOf(o).Width)));
        }
        var colours = new float[3 * 37 * 50];
        for (var i = 0; i < colours.Length; i++) colours[i] = i % 11 / 10f;
        var odd = model.PredictPicture(Cresset.Plots.Picture.FromPlanes(colours, 3, 37, 50).ToPng(), "odd");
        Assert.All(odd.Objects!, o => Assert.True(o.Detection.Box.Right <= 50 && o.Detection.Box.Bottom <= 37 && MaskOf(o).Height == 37));
        Assert.Equal(300, Cresset.Plots.Picture.Decode(odd.Picture).Width);
        Assert.NotNull(model.PredictPicture(Cresset.Plots.Picture.FromPlanes([0.5f], 1, 1, 1).ToPng(), "dot").Objects);
        static RunLengthMask MaskOf(FoundObject o) => ((RunLengthSegmentation)o.Detection.Shape!.Segmentation!).Mask;
    }

    [Fact]
    public void TensorsOfAnyKindGiveTheDigitsOfArrays()
    {
        using var scope = NewDisposeScope();
        DetectionMetric arrays = new(["a", "b"]), tensors = new(["a", "b"]);
        arrays.Update([0, 0, 10, 10, 20, 20, 30, 30], [.9f, .5f], [0, 1], [0, 0, 10, 9], [0]);
        // Half precision and strides, gradients, 32-bit labels: nothing has to be prepared.
        var boxes = tensor(new float[] { 0, 20, 0, 20, 10, 30, 10, 30 }, [4, 2]).to(ScalarType.Float64).requires_grad_().t();
        var scores = tensor(new[] { .9f, .5f }).requires_grad_();
        tensors.Update(boxes, scores, tensor(new[] { 0, 1 }), tensor(new long[] { 0, 0, 10, 9 }, [1, 4]), tensor(new byte[] { 0 }));
        Assert.Equal(arrays.Compute().Statistics, tensors.Compute().Statistics);
        tensors.Update(zeros(0, 4), zeros(0), zeros(0, dtype: ScalarType.Int64), zeros(0), zeros(0, dtype: ScalarType.Int64));
        Assert.Equal(2, tensors.Images);
        var none = zeros(0, dtype: ScalarType.Int64);
        Assert.Contains("[N, 4]", Assert.Throws<ShapeException>(() => tensors.Update(zeros(4), zeros(1), none, zeros(0), none)).Message,
            StringComparison.Ordinal);
        var wrong = Assert.Throws<ArgumentException>(() => tensors.Update(zeros(1, 4), zeros(1), zeros(1), zeros(0), none));
        Assert.Contains("labels is Float32", wrong.Message, StringComparison.Ordinal);
    }

    private static (DetectionDataset Truth, DetectionResults Results) Detect(DetectorTask task)
    {
        using var quiet = no_grad();
        task.Module.eval();
        return task.Detect(new EvaluationContext(0, Seeding.Generator(0, "test"), CPU, IsFinal: true, CancellationToken.None));
    }
}
