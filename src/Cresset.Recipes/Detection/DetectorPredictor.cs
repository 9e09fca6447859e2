using System.Globalization;
using Cresset.Data;
using Cresset.Detection;
using Cresset.Numerics;
using Cresset.Plots;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Answers with the objects in a picture of any size, and with the picture and their boxes and masks drawn over it.</summary>
internal sealed class DetectorPredictor(DetectorNet net, DetectorOptions options, DataFacts facts) : ModulePredictor(net, facts)
{
    /// <summary>Of less sure detections a picture would be full; the answer lists them all.</summary>
    private const double DrawnFrom = 0.3;

    // A large picture has room for more than a scene.
    private readonly DetectorFinder _finder = new(net, options.NmsIou, most: 300, candidates: 3000);

    protected override bool TakesAnyPicture => true;

    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var found = _finder.Find(EnlargementTask.Luma(inputs));
        return [.. names.Select((name, i) => Answer(name, inputs.narrow(0, i, 1), found[i]))];
    }

    protected override Prediction OfPicture(byte[] content, string name, PartCatalog parts)
    {
        // Nothing is fitted: boxes have to be those of the picture as it is.
        var planes = PicturePlanes.Decode(content, name);
        return Compute(tensor(planes.Values, [1, planes.Channels, planes.Height, planes.Width]), [name])[0];
    }

    private Prediction Answer(string name, Tensor picture, List<DetectedObject> found)
    {
        FoundObject[] objects = [.. found.Select(d => new FoundObject(Facts.Classes[(int)d.CategoryId - 1], d))];
        var values = picture.cpu().contiguous().data<float>().ToArray();
        var shown = Picture.FromPlanes(values, (int)picture.size(1), (int)picture.size(2), (int)picture.size(3));
        LabelledBox[] boxes = [.. objects.Where(o => o.Detection.Score >= DrawnFrom).Select(Drawn)];
        return new Prediction(name) { Objects = objects, Picture = LabelledBoxes.Over(shown, boxes).ToPng() };
    }

    private static LabelledBox Drawn(FoundObject found)
    {
        var (box, score) = (found.Detection.Box, found.Detection.Score);
        var label = string.Create(CultureInfo.InvariantCulture, $"{found.Class} {score:0.00}");
        var mask = found.Detection.Shape is { Segmentation: RunLengthSegmentation { Mask: var m } } ? m : null;
        var set = mask?.Decode();
        return new LabelledBox(box.X, box.Y, box.Right, box.Bottom, label, (int)found.Detection.CategoryId - 1)
        {
            Covers = set is null ? null : (x, y) => set[(x * mask!.Height) + y] != 0,
        };
    }
}
