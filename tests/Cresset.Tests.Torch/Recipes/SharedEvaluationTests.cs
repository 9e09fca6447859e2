using Cresset.Distributed;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Tests.Torch.Training;
using Cresset.Training;
using SkiaSharp;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Every task that trains over ranks evaluates over them as well, and its figures are those of one process to the last digit.
/// </summary>
public sealed class SharedEvaluationTests : IDisposable
{
    private static readonly string[] Recipes =
    [
        "job: digits-classifier\nmodel: {width: 4, hidden: 8}",
        "job: classifier\ndata: {kind: digits, split: {validation: 0.1}}\nmodel: {width: 4}",
        "job: regression\ndata: {kind: csv, path: PLACE/table.csv, target: y}\nmodel: {hidden: [4]}",
        "job: segmentation\ndata: {kind: folder, path: PLACE/photos, masks: PLACE/masks, size: 8}\nmodel: {net: {channels: [8, 8]}}",
        "job: detector\nmodel: {width: 8, blocks: 1, size: 32, test_scenes: 60}",
        "job: espcn\nmodel: {features: [4]}",
        "job: espcn\ndata: {kind: folder, path: PLACE/photos, size: 24}\nmodel: {features: [4], patch: 8}",
        "job: language-model\ndata: {kind: text, validation: 0.01}\nmodel: {layers: 1, heads: 2, width: 8, context: 16, feed_forward: "
            + "{multiple_of: 8}}",
        "job: plane-flow\nmodel: {flow: {kind: real-nvp, transforms: 2, width: 8}}",
        "job: plane-flow\nmodel: {density: eight-gaussians, flow: {kind: ffjord, width: 8, layers: 2}}",
        "job: digits-flow\nmodel: {flow: {kind: real-nvp, transforms: 2, width: 8}}",
        "job: flow-matching\nmodel: {width: 8}",
        "job: flow-matching\nmodel: {digits: true, width: 8}",
        "job: flow-matching\nmodel: {method: bridge, width: 8}",
        "job: picture-flow\nmodel: {blocks: 2, layers: 1, width: 8, heads: 2}",
        "job: density\ndata: {kind: csv, path: PLACE/table.csv}\nmodel: {flow: {kind: real-nvp, transforms: 2, width: 8}}",
        "job: density\nmodel: {flow: {kind: real-nvp, transforms: 2, width: 8}}",
        "job: posterior\ndata: {kind: two-moons-pairs}\nmodel: {parameters: [theta_1, theta_2], transforms: 2, width: 8, draws: 20, "
            + "calibration_pairs: 20, reference_draws: 100}",
        "job: posterior\ndata: {kind: slcp-pairs, pairs: 400}\nmodel: {parameters: [theta_1, theta_2], method: matching, flow: {kind: "
            + "ffjord, width: 8, layers: 1}, draws: 9, calibration_pairs: 20}",
        "job: tokenizer\nmodel: {width: 8}",
        "job: tokenizer\nmodel: {architecture: vq_vae2, width: 8}",
        "job: sd3-miniature\nmodel: {width: 24, heads: 2, layers: 1, draw_steps: 1, final_draws: 250}",
        "job: sd3-miniature\nmodel: {autoencoder: garments, encoders: all, width: 24, heads: 2, layers: 1, draw_steps: 1, final_draws: "
            + "250}",
        "job: vae\ndata: digits\nmodel: {channels: [8, 8]}",
        "job: sd3-finetune\nmodel: {checkpoint: TINY, pictures: PLACE/photos, size: 32, t5_length: 8, caption: a square}",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-shares-").FullName;

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Recipes.Length)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EveryTrainedTaskIsAmongThem()
    {
        // Agents evaluate in their own world on every rank alike: RankedAgentTests.
        var trained = typeof(Job).Assembly.GetTypes()
            .Where(t => t is { IsAbstract: false, ContainsGenericParameters: false } && t.IsAssignableTo(typeof(Job)))
            .Select(t => (Job)Activator.CreateInstance(t, nonPublic: true)!).Where(j => j is { RunsOnRanks: true } and not IAgentJob)
            .Select(j => j.Name);
        var covered = Recipes.Select(r => r["job: ".Length..].Split('\n')[0]);
        Assert.Equal(trained.Distinct().Order(), covered.Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void FiguresOfRanksAreThoseOfOneProcess(int number)
    {
        Make();
        var yaml = Recipes[number].Replace("PLACE", _folder, StringComparison.Ordinal)
            .Replace("TINY", Cresset.Tests.Torch.Diffusion.Reference.PathOf("tiny_sd3"), StringComparison.Ordinal);
        var recipe = Recipe.Parse(yaml, "x.yaml", "own", BuiltInParts.Catalog).Resolve(["trainer.threads=1"]);
        var alone = Figures(OneProcess.Instance, Task(recipe));
        Assert.NotEmpty(alone);
        // Three ranks, which need not divide the batches evenly; initial weights come from libtorch's global stream, one after the other.
        var tasks = Enumerable.Range(0, 3).Select(_ => Task(recipe)).ToList();
        Assert.All(tasks, task => Assert.True(task.EvaluatesInShares));
        foreach (var figures in ThreadRanks.Run(3, ranks => Figures(ranks, tasks[ranks.Rank]))) Assert.Equal(alone, figures);
    }

    private ITrainingTask Task(ResolvedRecipe recipe)
    {
        Seeding.Apply(3);
        var context = new JobContext(recipe, NullRunRecorder.Instance, _folder, null, CancellationToken.None);
        return ((Job)recipe.Job).StageToTrain(context)!.Create();
    }

    private static List<string> Figures(ICommunicator ranks, ITrainingTask task)
    {
        set_num_threads(1);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using (task)
        {
            task.Module.eval();
            var context = new EvaluationContext(7, Seeding.Generator(5, "evaluation"), CPU, IsFinal: true,
                CancellationToken.None)
            { Ranks = ranks };
            return [.. task.Evaluate(context).Select(f => FormattableString.Invariant($"{f.Key}={f.Value:R}"))];
        }
    }

    private void Make()
    {
        File.WriteAllLines(Path.Combine(_folder, "table.csv"),
            ["a,b,y", .. Enumerable.Range(0, 60).Select(i => $"{i},{i * 7 % 5},{(i * 3) + (i % 4)}")]);
        Directory.CreateDirectory(Path.Combine(_folder, "photos"));
        Directory.CreateDirectory(Path.Combine(_folder, "masks"));
        for (var i = 0; i < 12; i++)
        {
            using SKBitmap photo = new(8, 8), mask = new(8, 8);
            for (var p = 0; p < 64; p++)
            {
                var inside = p % 8 > i % 6;
                photo.SetPixel(p % 8, p / 8, inside ? SKColors.White : new SKColor((byte)(10 * i), 0, 0));
                mask.SetPixel(p % 8, p / 8, inside ? new SKColor(1, 1, 1) : new SKColor(0, 0, 0));
            }
            Save(photo, Path.Combine(_folder, "photos", $"{i}.png"));
            Save(mask, Path.Combine(_folder, "masks", $"{i}.png"));
        }
    }

    private static void Save(SKBitmap bitmap, string path)
    {
        using var file = File.Create(path);
        bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
    }
}
