using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains a net that enlarges pictures: the real ones that come with Cresset, or any data set of pictures.</summary>
[Part("espcn")]
internal sealed class EspcnJob : DataJob<EspcnRecipeOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "espcn";

    /// <inheritdoc/>
    public override string Summary => "Super-resolution by sub-pixel convolution, beside bicubic enlargement.";

    /// <inheritdoc/>
    protected override DataSource DataDefaults => new RealPicturesData();

    /// <inheritdoc/>
    protected override DataUse Use(EspcnRecipeOptions options) => new(TargetKind.None, NeedsPictures: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(EspcnRecipeOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Facts.Name == RealPicturesData.SetName ? new EspcnTask(options, data) : new EnlargementTask(options, data);
    }

    Predictor IPredictingJob.Open(StoredModel stored)
    {
        var options = stored.Model<EspcnRecipeOptions>();
        return new EnlargementPredictor(new Espcn(options.Net()), options, stored.Facts);
    }
}

/// <summary>Answers with the enlarged picture: its luminance by the net, its colours by bicubic enlargement.</summary>
internal sealed class EnlargementPredictor(Espcn net, EspcnRecipeOptions options, DataFacts facts) : ModulePredictor(net, facts)
{
    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
        => [.. names.Select((name, i) => new Prediction(name) { Picture = Enlarge(inputs.narrow(0, i, 1)) })];

    // Pictures of any size: nothing is fitted, for what is asked for is the picture itself, larger.
    protected override bool TakesAnyPicture => true;

    protected override Prediction OfPicture(byte[] content, string name, PartCatalog parts)
    {
        var planes = PicturePlanes.Decode(content, name);
        return Compute(tensor(planes.Values, [1, planes.Channels, planes.Height, planes.Width]), [name])[0];
    }

    private byte[] Enlarge(Tensor small)
    {
        var luma = EnlargementTask.Luma(small);
        var enlarged = net.call(luma).clamp(0, 1);
        if (small.size(1) == 3)
        {
            var colours = Upsample.Apply(small - luma, scaleFactor: [options.Scale], mode: ResizeMode.Bicubic);
            enlarged = (colours + enlarged).clamp(0, 1);
        }
        var values = enlarged.cpu().contiguous().data<float>().ToArray();
        return Picture.FromPlanes(values, (int)enlarged.size(1), (int)enlarged.size(2), (int)enlarged.size(3)).ToPng();
    }
}
