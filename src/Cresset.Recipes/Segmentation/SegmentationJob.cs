using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A U-Net that gives each pixel a class.</summary>
internal sealed record SegmentationOptions : IOptionsRecord
{
    /// <summary>The net.</summary>
    public UNetOptions Net { get; init; } = new()
    {
        Channels = [32, 64, 128],
        BlocksPerLevel = 1,
        Norm = new GroupNormOptions { Groups = 8 }
    };

    /// <summary>Let rare classes count more: each class weighs as the root of its rarity.</summary>
    public bool Balance { get; init; } = true;

    /// <summary>
    /// What is minimised: a loss over the classes of pixels, such as cross-entropy, focal, dice, tversky, or a sum of two. Pixels without a
    /// class count nothing.
    /// </summary>
    public LossRule Loss { get; init; } = new CrossEntropyLossRule();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Nested(Net).Loss(Loss, LossTarget.Classes);
}

/// <summary>Trains a U-Net on pictures with masks.</summary>
[Part("segmentation")]
internal sealed class SegmentationJob : DataJob<SegmentationOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "segmentation";

    /// <inheritdoc/>
    public override string Summary => "A U-Net that gives each pixel of a picture a class, learned from masks.";

    /// <inheritdoc/>
    protected override DataSource DataDefaults => new FolderData();

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 600, BatchSize = 8, EvaluateEvery = 50, CheckpointEvery = 50, EmaDecay = 0.99 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamWRule { LearningRate = 1e-3, WeightDecay = 0.01 } };

    /// <inheritdoc/>
    protected override DataUse Use(SegmentationOptions options) => new(TargetKind.Mask, NeedsPictures: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(SegmentationOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new SegmentationTask(options.ThrowIfInvalid(), data, trainer.Seed);
    }

    Predictor IPredictingJob.Open(StoredModel stored) =>
        new MaskPredictor(Net(stored.Model<SegmentationOptions>(), stored.Facts, 0), stored.Facts);

    internal static UNet Net(SegmentationOptions options, DataFacts facts, ulong seed)
    {
        var divisor = 1 << (options.Net.Channels.Count - 1);
        if (facts.Shape[1] % divisor != 0 || facts.Shape[2] % divisor != 0)
        {
            throw new DataMismatchException(
                $"{facts.Name}: pictures of {facts.Shape[2]}x{facts.Shape[1]}; a U-Net of {options.Net.Channels.Count} levels takes sides "
                    + $"that {divisor} divides. Change data.size.");
        }
        using var generator = new Generator(seed);
        return new UNet(facts.Shape[0], facts.Classes.Count, options.Net, generator);
    }
}

/// <summary>Answers with a mask of the picture's own size whose grey values are class indices, and the share of each class.</summary>
internal sealed class MaskPredictor(UNet net, DataFacts facts) : ModulePredictor(net, facts)
{
    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var (height, width) = ((int)Facts.Shape[1], (int)Facts.Shape[2]);
        var classes = ClassesOf(inputs);
        return [.. names.Select((name, i) => Answer(name, classes.AsSpan(i * height * width, height * width), height, width))];
    }

    protected override Prediction OfPicture(byte[] content, string name, PartCatalog parts)
    {
        var picture = Facts.Picture!;
        var original = PicturePlanes.Decode(content, name, picture.Channels, picture.Background);
        var place = picture.Place(original.Height, original.Width, parts);
        var input = picture.Fitted(original, name, parts);
        var classes = ClassesOf(tensor(input.Values, [1, input.Channels, input.Height, input.Width]));
        // Back to the picture's own pixels; what the fit cut away takes the class of the nearest pixel that was seen.
        var mask = new byte[original.Height * original.Width];
        for (var y = 0; y < original.Height; y++)
        {
            var row = Math.Clamp((int)((y + 0.5) * place.Height / original.Height) + place.Top, 0, input.Height - 1);
            for (var x = 0; x < original.Width; x++)
            {
                var column = Math.Clamp((int)((x + 0.5) * place.Width / original.Width) + place.Left, 0, input.Width - 1);
                mask[(y * original.Width) + x] = classes[(row * input.Width) + column];
            }
        }
        return Answer(name, mask, original.Height, original.Width);
    }

    private byte[] ClassesOf(Tensor inputs) => net.call(inputs).argmax(1).to(ScalarType.Byte).cpu().contiguous().bytes.ToArray();

    private Prediction Answer(string name, ReadOnlySpan<byte> mask, int height, int width)
    {
        var counts = new int[Facts.Classes.Count];
        foreach (var c in mask) counts[c]++;
        var shares = new Dictionary<string, double>();
        for (var c = 0; c < counts.Length; c++) shares[Facts.Classes[c]] = (double)counts[c] / mask.Length;
        return new Prediction(name) { Picture = GreyPng.Encode(mask, height, width), Shares = shares };
    }
}
