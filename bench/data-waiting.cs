#:project ../src/Cresset.Recipes/Cresset.Recipes.csproj
#:property IsPackable=false
#:property PublishAot=false
#:property JsonSerializerIsReflectionEnabledByDefault=true
#:property CressetUsesTorch=true

// How long training waits for pictures: dotnet run -c Release bench/data-waiting.cs [steps] 512 JPEGs of 256 pixels, decoded anew for every
// batch (the cache holds one megabyte), a classifier a quarter as wide as the default, whose steps are short; the share of the time of
// training that was spent waiting for the next batch, by the number of batches that are prepared ahead.
// Goal: at most 5 %.
using System.Globalization;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Training;
using SkiaSharp;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var steps = args is [var n] ? int.Parse(n, CultureInfo.InvariantCulture) : 40;
var root = Directory.CreateTempSubdirectory("cresset-bench-").FullName;
try
{
    var random = new Random(1);
    for (var i = 0; i < 512; i++)
    {
        // Smooth shapes under noise: about as many bytes as a photograph of this size.
        using var bitmap = new SKBitmap(256, 256, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var phase = random.NextSingle() * 6;
        var pixels = bitmap.GetPixelSpan();
        for (var p = 0; p < 256 * 256; p++)
        {
            var (x, y) = (p % 256, p / 256);
            var light = 128 + (60 * MathF.Sin((x / 20f) + phase) * MathF.Cos(y / 27f)) + random.Next(40);
            for (var c = 0; c < 3; c++)
                pixels[(4 * p) + c] = (byte)Math.Clamp(light + (i % 2 == c ? 40 : 0) + (30 * MathF.Sin(y / 40f)), 0, 255);
            pixels[(4 * p) + 3] = 255;
        }
        var folder = Directory.CreateDirectory(Path.Combine(root, "photos", i % 2 == 0 ? "a" : "b")).FullName;
        using var stream = File.Create(Path.Combine(folder, $"{i:000}.jpg"));
        bitmap.Encode(stream, SKEncodedImageFormat.Jpeg, 90);
    }
    var bytes = Directory.EnumerateFiles(root, "*.jpg", SearchOption.AllDirectories).Average(f => new FileInfo(f).Length);
    Console.WriteLine(
        $"512 JPEGs of 256x256, {bytes / 1024:0} kB each; {Environment.ProcessorCount} processors; {steps} steps of 16 pictures");
    Console.WriteLine($"{"workers",8} {"ms per step",10} {"waiting",8}");
    foreach (var workers in new[] { 0, 1, 2 })
    {
        using var store = RunStore.Open(Path.Combine(root, $"runs-{workers}"));
        var recipe =
            Recipe.Parse($"job: classifier\ndata: {{kind: folder, path: {Path.Combine(root, "photos")}, size: 256, cache_megabytes: 1}}",
                "bench.yaml", "bench", BuiltInParts.Catalog)
            .Resolve([$"trainer.steps={steps}", "trainer.batch_size=16", $"trainer.workers={workers}", "model.width=8",
                "trainer.evaluate_every=0", "trainer.checkpoint_every=0"]);
        var last = new Last();
        new RecipeRunner(store, new RecipeCatalog()).Train(recipe, progress: last);
        Console.WriteLine($"{workers,8} {1000 / last.Report!.StepsPerSecond,10:0} {last.Report.WaitingShare,8:P1}");
    }
}
finally
{
    Directory.Delete(root, recursive: true);
}

internal sealed class Last : IProgress<TrainingReport>
{
    public StepReport? Report { get; private set; }

    void IProgress<TrainingReport>.Report(TrainingReport value)
    {
        if (value is StepReport step) Report = step;
    }
}
