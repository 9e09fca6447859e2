using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Training;
using SkiaSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// The recipes of the guide "Your own data", as they stand there, on a folder of pictures and a table that anyone might have.
/// </summary>
public sealed partial class OwnDataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-own-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<int> Blocks => [.. Enumerable.Range(0, Recipes().Count)];

    [Theory]
    [MemberData(nameof(Blocks))]
    public void EveryRecipeOfTheGuideTrainsResumesAndIsEvaluated(int block)
    {
        MakePhotos(14);
        MakeMess();
        MakeHouses();
        var yaml = Recipes()[block];
        // The guide's paths are relative to where the command runs; here that is this test's own folder.
        foreach (var name in new[] { "photos", "masks", "houses.csv" })
            yaml = Regex.Replace(yaml, $@"(path|masks): {Regex.Escape(name)}\b", $"$1: {Path.Combine(_folder, name)}");
        var recipe = Recipe.Parse(yaml, "docs/own-data.md", "own", BuiltInParts.Catalog);
        List<string> tiny = ["trainer.steps=4", "trainer.batch_size=4", "trainer.evaluate_every=2", "trainer.checkpoint_every=2"];
        tiny.AddRange(recipe.Job.Name switch
        {
            "classifier" => ["model.width=4", "model.hidden=[8]"],
            "code-prior" =>
                ["tokenizer_trainer.steps=3", "tokenizer_trainer.batch_size=4", "tokenizer.width=8", "model.width=8", "model.layers=2"],
            "segmentation" => ["model.net.channels=[8,16]", "data.size=16"],
            "sd3-miniature" => ["model.width=16", "model.heads=1", "model.layers=1", "draw_steps=2"],
            "espcn" => ["model.features=[4]"],
            _ => ["model.width=8"],
        });
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var notices = new Notices();
        var resolved = recipe.Resolve(
            [.. tiny.Where(t => !(recipe.Job.Name == "regression" && t.StartsWith("model.width", StringComparison.Ordinal)))]);
        var result = runner.Train(resolved, progress: notices);
        Assert.True(result.Outcome.Completed);
        Assert.All(result.Outcome.Metrics.Values, value => Assert.True(double.IsFinite(value)));
        Assert.Contains(notices.All, n => n.Contains("to learn from", StringComparison.Ordinal));
        if (recipe.Job.Sections[0].Defaults is DataSource && resolved.Options["data"] is FolderData)
            Assert.Contains(notices.All,
                n => n.Contains("left out", StringComparison.Ordinal) && n.Contains(".ipynb_checkpoints", StringComparison.Ordinal));
        Assert.Equal(result.Outcome.Metrics.Keys, runner.Evaluate(result.RunId).Outcome.Metrics.Keys);
        DrawsIsExportedAndIsJudgedWhereverItsDataAre(runner, result, resolved);
        var stopped = Interrupted(runner, resolved);
        Assert.Equal(File.ReadAllBytes(Path.Combine(result.Folder, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(runner.Resume(stopped).Folder, "model.safetensors")));
        if (recipe.Job.Name is "code-prior" or "sd3-miniature") return;
        using var model = TrainedModel.Open(result.Folder);
        var input = Path.Combine(_folder, model.Facts.Table is null ? "photos/cat/0.png" : "houses.csv");
        if (model.Facts.Table is not null)
            File.WriteAllText(input = Path.Combine(_folder, "new.csv"),
                string.Join('\n', File.ReadLines(Path.Combine(_folder, "houses.csv")).Take(6)));
        var answers = model.Predict(input).ToList();
        Assert.Equal(model.Facts.Table is null ? 1 : 5, answers.Count);
        Assert.All(answers, a => Assert.True(a.Class is not null || (a.Value is { } v && double.IsFinite(v)) || a.Picture is not null));
        Parallel.For(0, 8,
            _ => Assert.Equal(answers.Select(a => (a.Class, a.Value)), model.Predict(input).Select(a => (a.Class, a.Value))));
    }

    private void DrawsIsExportedAndIsJudgedWhereverItsDataAre(RecipeRunner runner, RecipeResult result, ResolvedRecipe recipe)
    {
        List<byte[]> Drawn() => recipe.Job.Samples is null ? []
            : [.. runner.Sample(result.RunId, new SampleRequest(2, 1, null, 1, Path.Combine(_folder, "drawn"))
            {
                Format = SampleFormat.Csv
            }).Outcome.Pictures
                .Select(File.ReadAllBytes)];
        List<float[]> Exported()
        {
            if (recipe.Job.Name is "code-prior" or "sd3-miniature") return [];
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            using var model = runner.OpenExport(result.RunId).Model;
            return [.. model.Graphs.Where(g => g.Name is not "sample")
                .Select(g => g.Function([.. g.Example.Select(e => ones_like(e))])[0])
                .Select(answer => answer.to(ScalarType.Float32).flatten().data<float>().ToArray())];
        }
        var (drawn, exported, judged) = (Drawn(), Exported(), runner.Evaluate(result.RunId).Outcome.Metrics);
        Assert.True(drawn.Count + exported.Count > 0, $"{recipe.Job.Name} draws nothing and exports nothing");
        var (here, there) = (_folder, Path.Combine(_folder, "moved"));
        Directory.CreateDirectory(there);
        string[] names = ["photos", "masks", "houses.csv"];
        foreach (var name in names) Directory.Move(Path.Combine(here, name), Path.Combine(there, name));
        Assert.Equal(drawn, Drawn());
        Assert.Equal(exported, Exported());
        Assert.Contains("data.path=PLACE", Assert.Throws<FileNotFoundException>(() => runner.Evaluate(result.RunId)).Message,
            StringComparison.Ordinal);
        string[] places = [.. recipe.Flatten().Where(f => f.Key.StartsWith("data.", StringComparison.Ordinal)
            && f.Value.StartsWith(here, StringComparison.Ordinal))
            .Select(f => $"{f.Key}={f.Value.Replace(here, there, StringComparison.Ordinal)}")];
        var notices = new Notices();
        Assert.Equal(judged, runner.Evaluate(result.RunId, notices, overrides: places).Outcome.Metrics);
        Assert.DoesNotContain(notices.All, n => n.Contains("have changed", StringComparison.Ordinal));
        foreach (var name in names) Directory.Move(Path.Combine(there, name), Path.Combine(here, name));
    }

    // Stopped after its second step, as a kill would leave it: the checkpoint of that step is all there is.
    private static string Interrupted(RecipeRunner runner, ResolvedRecipe recipe)
    {
        using var stop = new CancellationTokenSource();
        var result = runner.Train(recipe, progress: new StopAt(2, stop), cancellation: stop.Token);
        Assert.False(result.Outcome.Completed);
        return result.RunId;
    }

    [Fact]
    public void AResumedRunSaysThatItsPicturesHaveChanged()
    {
        MakePhotos(12);
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var recipe = Recipe.Parse("job: classifier", "x", "x", BuiltInParts.Catalog);
        string[] options = [$"data={Path.Combine(_folder, "photos")}", "data.size=16", "model.width=4", "steps=4", "batch_size=4"];
        var result = runner.Train(recipe.Resolve(options));
        File.Move(Path.Combine(_folder, "photos", "cat", "0.png"), Path.Combine(_folder, "photos", "dog", "moved.png"));
        var notices = new Notices();
        runner.Resume(result.RunId, ["trainer.steps=6"], progress: notices);
        Assert.Contains(notices.All, n => n.Contains("the data have changed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("job: tokenizer\nmodel:\n  data: digits\n  codes: 16\n", "digits")]
    [InlineData("job: tokenizer\nmodel:\n  data: PHOTOS\n  size: 32\n  channels: 1\n", "folder 32 1")]
    [InlineData("job: digits-classifier\nmodel:\n  data: fashion\n", "fashion")]
    [InlineData("job: code-prior\ntokenizer:\n  data: digits\n  size: 64\n", "digits")]
    [InlineData("job: sd3-miniature\nmodel:\n  data: digits\n", "digits")]
    public void KeysOfTheFirstVersionAreStillRead(string yaml, string expected)
    {
        MakePhotos(2);
        var recipe = Recipe.Parse(yaml.Replace("PHOTOS", Path.Combine(_folder, "photos"), StringComparison.Ordinal), "old.yaml", "old",
            BuiltInParts.Catalog);
        var data = recipe.Resolve().Options["data"];
        Assert.Equal(expected, data is FolderData folder ? $"folder {folder.Size} {folder.Channels}" : PartCatalog.NameOf(data.GetType()));
        // A run of the first version held nothing back.
        var run =
            Recipe.Parse(yaml.Replace("PHOTOS", Path.Combine(_folder, "photos"), StringComparison.Ordinal), "runs/x/config.yaml", "old",
                BuiltInParts.Catalog).Resolve().Options["data"];
        Assert.Equal(0.0,
            run switch
            {
                DigitsData d => Validation(d.Split),
                FashionData f => Validation(f.Split),
                FolderData f => Validation(f.Split),
                _ => -1,
            });
    }

    [Fact]
    public void AnUnknownDataSetNamesTheNearestAndThatPathsAreTaken()
    {
        var e = Assert.Throws<ConfigException>(
            () => Recipe.Parse("job: classifier\ndata: fodler\n", "x.yaml", "x", BuiltInParts.Catalog).Resolve());
        Assert.Contains("Did you mean 'folder'?", e.Message, StringComparison.Ordinal);
        Assert.Contains("The path of a folder or file that exists is taken too.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AModelThatGivesNoAnswersSaysSo()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "model.safetensors");
        Cresset.Tensors.SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = zeros(1) });
        Assert.Contains("does not say how it is used", Assert.Throws<InvalidDataException>(() => TrainedModel.Open(path)).Message,
            StringComparison.Ordinal);
        Assert.Contains("the run has not come to its end",
            Assert.Throws<FileNotFoundException>(() => TrainedModel.Open(Path.Combine(_folder, "none"))).Message, StringComparison.Ordinal);
    }

    private static double Validation(SplitRule split) =>
        split switch { GivenSplit given => given.Validation, ShareSplit share => share.Validation, _ => -1 };

    private static List<string> Recipes() =>
        [.. Yaml().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "own-data.md")).ReplaceLineEndings("\n"))
            .Select(m => m.Groups[1].Value)];

    private void MakePhotos(int each)
    {
        foreach (var (name, hue) in new[] { ("cat", 20f), ("dog", 200f) })
        {
            for (var i = 0; i < each; i++)
            {
                using var photo = new SKBitmap(112, 100);
                using var mask = new SKBitmap(112, 100);
                using (var canvas = new SKCanvas(photo))
                using (var drawn = new SKCanvas(mask))
                using (var paint = new SKPaint { Color = SKColor.FromHsv(hue, 80, 60 + (i % 5 * 8)) })
                using (var white = new SKPaint { Color = SKColors.White })
                {
                    canvas.Clear(SKColor.FromHsv(90, 20, 30 + i));
                    drawn.Clear(SKColors.Black);
                    var (x, y) = (30 + (i * 3), 40 + (i % 4 * 6));
                    canvas.DrawCircle(x, y, 22, paint);
                    drawn.DrawRect(x - 16, y - 16, 32, 32, white);
                }
                Save(photo, $"photos/{name}/{i}.png");
                Save(mask, $"masks/{name}/{i}.png");
            }
        }
        File.WriteAllBytes(Path.Combine(_folder, "photos", ".DS_Store"), [1]);
    }

    // What lies about in folders of photographs: left out and named, or read as what it is.
    private void MakeMess()
    {
        byte[] junk = [0, 5, 22, 7];
        foreach (var name in new[]
        {
            "cat/._0.png", "cat/.DS_Store", ".ipynb_checkpoints/cat-checkpoint.png", "dog/.ipynb_checkpoints/0-checkpoint.png",
            "dog/Thumbs.db", "desktop.ini",
            "__MACOSX/cat/0.png", "cat/notes.md", "labels.json", "dog/movie.mp4", "dog/phone.heic", "cat/half.png.part",
        })
        {
            var path = Path.Combine(_folder, "photos", name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, junk);
        }
        Directory.CreateDirectory(Path.Combine(_folder, "photos", "empty"));
        Directory.CreateDirectory(Path.Combine(_folder, "photos", "dog", "more", "still"));
        (string Reference, string Name)[] odd =
        [
            ("turned6.jpg", "cat/photo.JPEG"), ("cmyk.jpg", "cat/print.jpg"), ("grey16.png", "dog/scan.png"), ("alpha.png", "dog/logo.png"),
            ("plain.gif", "dog/old.gif"),
            ("plain.tif", "dog/scan 2.tif"), ("moving.webp", "cat/moving.webp"), ("plain.bmp", "cat/wrong-ending.png"),
            ("grey16.tif", "dog/more/still/deep.TIFF"),
            ("plain.png", "cat/mit Leerzeichen ü [1] #%.png"),
        ];
        foreach (var (reference, name) in odd) File.Copy(Repository.Reference($"data/{reference}"), Path.Combine(_folder, "photos", name));
    }

    private void MakeHouses()
    {
        var random = new Random(3);
        var lines = new List<string> { "id,area,rooms,heating,kind,price" };
        for (var i = 0; i < 60; i++)
        {
            var (area, rooms) = (40 + random.Next(120), 1 + random.Next(6));
            string[] heating = ["gas", "oil", ""], kind = ["flat", "house"];
            lines.Add(
                string.Create(CultureInfo.InvariantCulture,
                    $"{i},{(i == 7 ? "NA" : area)},{rooms},{heating[random.Next(20) == 0 ? 2 : i % 2]},{kind[area > 90 ? 1 : 0]},"
                        + $"{(area * 2.5) + (rooms * 10) + random.Next(20)}"));
        }
        // The first rows are asked about later: they lack nothing.
        File.WriteAllLines(Path.Combine(_folder, "houses.csv"),
            [.. lines.Take(1),
                .. lines.Skip(1).OrderBy(l => l.Contains("NA", StringComparison.Ordinal) || l.Contains(",,", StringComparison.Ordinal))]);
    }

    private void Save(SKBitmap bitmap, string name)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var stream = File.Create(path);
        bitmap.Encode(stream, SKEncodedImageFormat.Png, 100);
    }

    private sealed class Notices : IProgress<TrainingReport>
    {
        public List<string> All { get; } = [];

        public void Report(TrainingReport value)
        {
            if (value is NoticeReport notice) All.Add(notice.Text);
        }
    }

    private sealed class StopAt(int step, CancellationTokenSource stop) : IProgress<TrainingReport>
    {
        public void Report(TrainingReport value)
        {
            if (value is StepReport { Step: var at } && at == step) stop.Cancel();
        }
    }

    [GeneratedRegex("^```yaml\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Yaml();
}
