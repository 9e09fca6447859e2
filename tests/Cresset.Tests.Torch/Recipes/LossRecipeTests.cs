using Cresset.Nn;
using Cresset.Recipes;
using Cresset.Runs;
using SkiaSharp;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>Recipes name losses.</summary>
public sealed class LossRecipeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-loss-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("job: classifier\ndata: digits\nmodel: {width: 4, balance: true, loss: {kind: focal, gamma: 0.5}}", typeof(FocalLossRule))]
    [InlineData("job: digits-classifier\nmodel: {width: 4, hidden: 8, loss: focal}", typeof(FocalLossRule))]
    [InlineData("job: classifier\ndata: digits\nmodel: {width: 4, loss: {kind: sum, first: multi-margin, second: cross-entropy}}",
        typeof(SumLossRule))]
    [InlineData(
        "job: regression\ndata: {kind: csv, path: PLACE/table.csv, target: y}\nmodel: {hidden: [4], loss: {kind: huber, delta: 0.5}}",
        typeof(HuberLossRule))]
    [InlineData(
        "job: regression\ndata: {kind: csv, path: PLACE/table.csv, target: y}\nmodel: {hidden: [4], loss: {kind: quantile, quantile: 0.9}}",
        typeof(QuantileLossRule))]
    [InlineData(
        "job: segmentation\ndata: {kind: folder, path: PLACE/photos, masks: PLACE/masks, size: 8}\nmodel: {net: {channels: [8, 8]}, loss: "
            + "tversky}", typeof(TverskyLossRule))]
    [InlineData("job: espcn\nmodel: {features: [4], loss: charbonnier}", typeof(CharbonnierLossRule))]
    public void ALossThatARecipeNamesIsTheOneThatIsMinimised(string yaml, Type loss)
    {
        Make();
        var resolved = Recipe.Parse(yaml.Replace("PLACE", _folder, StringComparison.Ordinal), "x.yaml", "own", BuiltInParts.Catalog)
            .Resolve(["trainer.steps=2", "trainer.batch_size=4", "trainer.evaluate_every=2", "trainer.checkpoint_every=2"]);
        Assert.IsType(loss, resolved.Options["model"].GetType().GetProperty("Loss")!.GetValue(resolved.Options["model"]));
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var outcome = new RecipeRunner(store, new RecipeCatalog()).Train(resolved).Outcome;
        Assert.True(outcome.Completed);
        Assert.All(outcome.Metrics.Values, value => Assert.True(double.IsFinite(value)));
    }

    [Theory]
    [InlineData("job: classifier\ndata: digits\nmodel: {loss: huber}", "a loss over classes")]
    [InlineData("job: regression\ndata: {kind: csv, path: x.csv}\nmodel: {loss: dice}", "a loss over values")]
    [InlineData("job: classifier\ndata: digits\nmodel: {loss: {kind: focal, reduction: none}}", "training needs one number")]
    [InlineData("job: classifier\ndata: digits\nmodel: {loss: {kind: focal, gamma: -1}}", "gamma")]
    [InlineData("job: classifier\ndata: digits\nmodel: {loss: focal, label_smoothing: 0.2}", "beside a loss of its own")]
    [InlineData("job: digits-classifier\nmodel: {loss: focal, label_smoothing: 0.2}", "beside a loss of its own")]
    [InlineData("job: classifier\ndata: digits\nmodel: {loss: fokal}", "focal")]
    public void ALossThatDoesNotFitIsRefusedWithTheReason(string yaml, string reason)
        => Assert.Contains(reason,
            Assert.ThrowsAny<Exception>(() => Recipe.Parse(yaml, "x.yaml", "own", BuiltInParts.Catalog).Resolve([])).Message,
            StringComparison.OrdinalIgnoreCase);

    private void Make()
    {
        File.WriteAllLines(Path.Combine(_folder, "table.csv"),
            ["a,b,y", .. Enumerable.Range(0, 30).Select(i => $"{i},{i * 7 % 5},{(i * 3) + (i % 4)}")]);
        for (var i = 0; i < 12; i++)
        {
            using SKBitmap photo = new(8, 8), mask = new(8, 8);
            for (var p = 0; p < 64; p++)
            {
                var inside = p % 8 > i % 6;
                photo.SetPixel(p % 8, p / 8, inside ? SKColors.White : SKColors.Black);
                mask.SetPixel(p % 8, p / 8, inside ? new SKColor(1, 1, 1) : new SKColor(0, 0, 0));
            }
            Save(photo, $"photos/{i}.png");
            Save(mask, $"masks/{i}.png");
        }
    }

    private void Save(SKBitmap bitmap, string name)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}
