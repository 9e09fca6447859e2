using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cresset.Data;
using Cresset.Flows;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Trained models in a service: every kind of answer from files, bytes and rows, from many threads at once, again and again.
/// CRESSET_TEST_CALLS makes it long (tests/long/service.sh asks 100,000 times).
/// </summary>
public sealed class AnswerTests : IDisposable
{
    private const int Threads = 8;
    private static readonly int Calls = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_TEST_CALLS"), out var asked) ? asked : 64;
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-answers-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static readonly string[] All = ["digits-classifier", "classifier", "regression", "segmentation", "espcn", "density",
        "plane-flow", "digits-flow", "posterior", "tokenizer", "dqn", "rl-solve"];

    public static TheoryData<string> Kinds =>
        [.. All.Where(k => Environment.GetEnvironmentVariable("CRESSET_TEST_KIND") is not { Length: > 0 } one || k == one)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void AnswersAreTheSameFromManyThreadsAndNothingGrows(string kind)
    {
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            using var model = TrainedModel.Open(Make(kind));
            Assert.Equal(kind, model.Job);
            var expected = Ask(model);
            long afterWarmUp = 0, done = 0;
            var errors = new System.Collections.Concurrent.ConcurrentQueue<string>();
            var workers = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
            {
                Ask(model);
                var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
                for (var i = 0; i < Calls / Threads; i++)
                {
                    if (Ask(model) != expected) errors.Enqueue("another answer");
                    if (Interlocked.Increment(ref done) == Calls / 5) Interlocked.Exchange(ref afterWarmUp, Memory());
                }
                if (DisposeScopeManager.Statistics.ThreadTotalLiveCount is var left && left > live)
                    errors.Enqueue($"{left - live} tensors are left");
            })).ToList();
            foreach (var worker in workers) worker.Start();
            foreach (var worker in workers) worker.Join();
            Assert.Empty(errors);
            if (Calls < 10_000) return;
            var growth = (Memory() - afterWarmUp) / 1048576.0;
            Console.Error.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"{kind}: {done} calls, {afterWarmUp / 1048576} MiB after a fifth, {growth:+0.0;-0.0} MiB at the end"));
            Assert.True(growth < 48, $"{growth:0.0} MiB more after {Calls} calls");
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void RowsAreAnsweredAsTheSameTableIs()
    {
        using var model = TrainedModel.Open(Make("classifier"));
        var table = Path.Combine(_folder, "new.csv");
        File.WriteAllText(table, "heating,other,area\ngas,1,120\noil,2,80.5\n");
        var expected = model.Predict(table).Select(a => a.Probability).ToList();
        using var json = JsonDocument.Parse("""{"area": 80.5, "heating": "oil", "other": [1]}""");
        Assert.Equal(expected[0], model.PredictRow(new Dictionary<string, object?> { ["area"] = 120, ["heating"] = "gas" }).Probability);
        Assert.Equal(expected[1],
            model.PredictRow(json.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => (object?)p.Value)).Probability);
        Assert.Equal(expected[1],
            model.PredictRow(new Dictionary<string, object?> { ["area"] = " 80.5 ", ["heating"] = "oil" }).Probability);
        string Refused(object? area, string heating) =>
            Refusal(() => model.PredictRow(new Dictionary<string, object?> { ["area"] = area, ["heating"] = heating }, "order 7")).Message;
        Assert.Contains("order 7: 'area' is '1,5', which is not a number", Refused("1,5", "gas"), StringComparison.Ordinal);
        Assert.Contains("not a finite number", Refused(double.NaN, "gas"), StringComparison.Ordinal);
        Assert.Contains("'True', which is not a number", Refused(true, "gas"), StringComparison.Ordinal);
        Assert.Contains("no value in column 'area'", Refused(null, "gas"), StringComparison.Ordinal);
        Assert.Contains("no value in column 'area'", Refused("NA", "gas"), StringComparison.Ordinal);
        Assert.Contains("'wood' in column 'heating'", Refused(1, "wood"), StringComparison.Ordinal);
        var error = Refusal(() => model.PredictRow(new Dictionary<string, object?> { ["aera"] = 1, ["heating"] = "gas" }));
        Assert.Contains("Did you mean 'aera'?", error.Message, StringComparison.Ordinal);
        Assert.Contains("give it rows", Refusal(() => model.PredictPicture(Picture)).Message, StringComparison.Ordinal);
        File.WriteAllText(table, "heating\ngas\n");
        Assert.Contains("no column 'area'", Refusal(() => model.Predict(table).Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PicturesInMemoryAreAnsweredAsTheSameFilesAre()
    {
        foreach (var kind in new[] { "digits-classifier", "segmentation", "espcn", "tokenizer" })
        {
            using var model = TrainedModel.Open(Make(kind));
            Assert.Equal(Text(model.Predict(Reference)), Text([model.PredictPicture(Picture, Reference)]));
            Assert.Contains("broken: ", Assert.Throws<InvalidDataException>(() => model.PredictPicture(Picture[..50], "broken")).Message,
                StringComparison.Ordinal);
            Refusal(() => model.PredictRow(new Dictionary<string, object?>()));
        }
    }

    [Fact]
    public void ADisposedModelSaysSoAndIsNotFreedUnderItsCallers()
    {
        for (var round = 0; round < 6; round++)
        {
            var model = TrainedModel.Open(Make("digits-classifier"));
            var callers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                while (true) model.PredictPicture(Picture);
            })).ToList();
            model.PredictPicture(Picture);
            model.Dispose();
            model.Dispose();
            foreach (var caller in callers) Assert.Throws<ObjectDisposedException>(() => caller.GetAwaiter().GetResult());
        }
    }

    [Fact]
    public void APolicyAnswersWhatItPlays()
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var recipe = Recipe.Parse(
            "job: actor-critic\ntraining:\n  environment:\n    kind: pendulum\n    wrappers: [normalize-observation]\n", "test", "ppo",
            BuiltInParts.Catalog);
        var run = runner.Train(
            recipe.Resolve(["training.steps=32", "training.evaluate_every=32", "training.evaluation_episodes=1",
                "training.evaluation_steps=2", "agent.rollout_steps=32", "agent.minibatches=2", "agent.epochs=1", "agent.hidden=[8]"]));
        using var model = TrainedModel.Open(Path.Combine(run.Folder, "policy-best.safetensors"));
        // The plain observation, before running moments: they lie with the policy.
        var again = new Pendulum();
        (double Angle, double Velocity)? expected = null;
        var compared = 0;
        foreach (var step in runner.Play(run.RunId, 5, 12)!)
        {
            var (angle, velocity) = ((Pendulum)step.Environment.Unwrapped).State;
            if (expected is { } next)
            {
                Assert.Equal(next.Angle, angle, 1e-4);
                Assert.Equal(next.Velocity, velocity, 1e-4);
                compared++;
            }
            var answer = model.PredictRow(
                new Dictionary<string, object?> { ["c0"] = Math.Cos(angle), ["c1"] = Math.Sin(angle), ["c2"] = velocity });
            again.Reset(new float[3], 1);
            again.State = (angle, velocity);
            again.Step([(float)answer.Action!.Single()], new float[3]);
            expected = again.State;
        }
        Assert.Equal(12, compared);
    }

    [Fact]
    public void APolicyIsToldWhichActionsAreAllowed()
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var parts = BuiltInParts.Catalog.With(typeof(Cresset.Samples.Worlds.InventorySource).Assembly);
        var recipe = Recipe.Parse(
            "job: dqn\nagent: {hidden: [8], learning_starts: 50, batch_size: 16}\ntraining: {environment: {kind: inventory, capacity: 4, "
                + "wrappers: [flatten-observation]}, steps: 128, evaluate_every: 0, evaluation_episodes: 1}\n", "test", "shop", parts);
        var run = new RecipeRunner(store, new RecipeCatalog(parts)).Train(recipe.Resolve());
        using var model = TrainedModel.Open(run.Folder, parts);
        Assert.Equal(["c0", "c1", "c2", "c3", "c4", "allowed0", "allowed1", "allowed2", "allowed3", "allowed4"],
            model.Facts.Table!.Columns.Select(c => c.Name));
        Dictionary<string, object?> Row(int stock, params int[] allowed) => model.Facts.Table!.Columns.ToDictionary(
            c => c.Name,
            c => (object?)(c.Name == $"c{stock}"
                || (c.Name.StartsWith('a') && allowed.Contains(int.Parse(c.Name[7..], CultureInfo.InvariantCulture))) ? 1 : 0));
        for (var only = 0; only < 5; only++) Assert.Equal(only, Assert.Single(model.PredictRow(Row(1, only)).Action!));
        Assert.True(model.PredictRow(Row(3, 0, 1)).Action!.Single() is 0 or 1);
        var table = Path.Combine(_folder, "shop.csv");
        File.WriteAllText(table, "c0,c1,c2,c3,c4,allowed0,allowed1,allowed2,allowed3,allowed4\n0,0,0,0,1,1,0,0,0,0\n1,0,0,0,0,0,0,0,0,1\n");
        Assert.Equal([0.0, 4.0], model.Predict(table).Select(a => a.Action!.Single()));
        Assert.Contains("allowed0 to allowed4 are all 0", Refusal(() => model.PredictRow(Row(1))).Message, StringComparison.Ordinal);
        var half = Row(1, 1);
        half["allowed2"] = 0.5;
        Assert.Contains("'allowed2' is 0.5; it is 1 where the action is allowed", Refusal(() => model.PredictRow(half)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(table, "c0,c1,c2,c3,c4\n0,0,0,0,1\n");
        Assert.Contains("no column 'allowed0'", Refusal(() => model.Predict(table).Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void JobsThatHaveNoAnswerSayWhatThereIsInstead()
    {
        foreach (var entry in BuiltInParts.Catalog.Of(Recipe.JobKind))
        {
            var job = (IJob)entry.Create();
            var folder = Directory.CreateDirectory(Path.Combine(_folder, entry.Name)).FullName;
            File.WriteAllText(Path.Combine(folder, "config.yaml"), $"job: {entry.Name}\n");
            var error = Assert.ThrowsAny<Exception>(() => TrainedModel.Open(folder));
            if (job is IPredictingJob or RlSolveJob or CodePriorJob)
                Assert.Contains("the run has not come to its end", Assert.IsType<FileNotFoundException>(error).Message,
                    StringComparison.Ordinal);
            else Assert.Contains("'cresset eval' gives", Assert.IsType<InvalidDataException>(error).Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    private static string Reference => Repository.Reference("data/grey.png");

    private static byte[] Picture { get; } = File.ReadAllBytes(Reference);

    private static long Memory()
    {
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static string Text(IEnumerable<Prediction> answers) => JsonSerializer.Serialize(answers);

    private static string Ask(TrainedModel model) => model.Facts.Table is { } table
        ? Text([model.PredictRow(table.Columns.ToDictionary(c => c.Name, c => (object?)(c.Levels is null ? 1.0 : c.Levels[0])))])
        : Text([model.PredictPicture(Picture)]);

    // A model of every kind as a run ends with it, but untrained: what is tried here is how it is asked.
    private string Make(string kind)
    {
        random.manual_seed(3);
        var path = Path.Combine(_folder, $"{kind}.safetensors");
        using var generator = new Generator(0);
        string Save(IOptionsRecord options, DataFacts facts, nn.Module module)
        {
            using (module) StateDict.Save(module, path, ModelFile.Metadata(kind, options, facts));
            return path;
        }
        switch (kind)
        {
            case "digits-classifier":
                var small = new DigitsClassifierOptions { Width = 4, Hidden = 8 };
                return Save(small, Pictures(8, 10), new DigitsClassifierNet(small));
            case "classifier":
                return Save(new ClassifierOptions { Hidden = [8] }, Rows(3), new FeatureNet(3, 3, [8], 0.2));
            case "regression":
                return Save(new RegressionOptions { Hidden = [8] }, Rows(0), new FeatureNet(3, 1, [8], 0));
            case "segmentation":
                var net =
                    new SegmentationOptions
                    {
                        Net =
                        new UNetOptions { Channels = [8, 16], BlocksPerLevel = 1, Norm = new GroupNormOptions { Groups = 4 } }
                    };
                return Save(net, Pictures(16, 3), SegmentationJob.Net(net, Pictures(16, 3), 0));
            case "espcn":
                var enlarging = new EspcnRecipeOptions { Features = [4] };
                return Save(enlarging, Pictures(48, 0), new Espcn(enlarging.Net()));
            case "density":
                var density = new DensityOptions { Flow = new RealNvpFlow { Transforms = 2 } };
                return Save(density, Points("a", "b"), density.Create(Points("a", "b")));
            case "plane-flow":
                var plane = new PlaneFlowOptions { Flow = new RealNvpFlow { Transforms = 2 } };
                return Save(plane, Points("x", "y"), plane.Flow.Build(2));
            case "digits-flow":
                var digits = new DigitsFlowOptions { Flow = new NiceFlow { Transforms = 2 } };
                return Save(digits, Pictures(8, 0), DigitsFlowTask.Flow(digits));
            case "posterior":
                var posterior = new PosteriorOptions
                {
                    Parameters = ["theta"],
                    Flow = new MafFlow { Transforms = 1, Width = 8, Layers = 1 }
                };
                return Save(posterior, Points("theta", "x"), posterior.Create(PosteriorColumns.Of(posterior, Points("theta", "x"))));
            case "tokenizer":
                var tokenizer = new TokenizerOptions { Width = 8, LatentWidth = 4 };
                return Save(tokenizer, Pictures(8, 0), tokenizer.Build(1, generator));
            case "dqn":
                var recipe = Recipe.Parse("job: dqn\nagent:\n  hidden: [8]\n", "test", "dqn", BuiltInParts.Catalog).Resolve();
                using (var agent = new DqnAgent(
                    new SyncVectorEnvironment<float, int>([new CartPoleSource().Create<float, int>()], AutoresetMode.SameStep),
                    (DqnOptions)recipe.Options["agent"], 1))
                using (var state = new Snapshot())
                {
                    agent.SavePolicy(state);
                    state.Put(ModelFile.JobKey, kind);
                    state.Put(ModelFile.RecipeKey, recipe.ToYaml());
                    state.Write(path);
                }
                return path;
            default:
                new SolvedPolicy("CliffWalking-v1", "sarsa", [.. Enumerable.Range(0, 48).Select(s => s % 4)],
                    [.. Enumerable.Range(0, 48).Select(s => -s / 2.0)], []).Save(_folder);
                return Path.Combine(_folder, SolvedPolicy.FileName);
        }
    }

    private static DataFacts Pictures(int size, int classes) => new()
    {
        Name = "pictures",
        Shape = [1, size, size],
        Classes = [.. Enumerable.Range(0, classes).Select(c => $"class {c}")],
        Picture = PictureFacts.Of(new PictureRules(1, size, size, new CropFit(), "black")),
    };

    private static DataFacts Rows(int classes) => new()
    {
        Name = "rows",
        Shape = [3],
        Classes = [.. Enumerable.Range(0, classes).Select(c => $"class {c}")],
        Table = new TableFacts
        {
            Text = new CsvOptions(),
            TargetMean = 10,
            TargetDeviation = 3,
            Columns = [new TableColumn { Name = "area", Mean = 100, Deviation = 20 },
                new TableColumn { Name = "heating", Levels = ["gas", "oil"] }]
        },
    };

    private static DataFacts Points(params string[] names) => new()
    {
        Name = "points",
        Shape = [names.Length],
        Table = new TableFacts
        {
            Text = new CsvOptions(),
            Columns = [.. names.Select(n => new TableColumn { Name = n, Mean = 0.5, Deviation = 2 })]
        },
    };

    // What is damaged, and what does not fit the model.
    private static Exception Refusal(Func<object?> answer)
    {
        var error = Record.Exception(answer);
        Assert.True(error is InvalidDataException or DataMismatchException, error?.ToString() ?? "nothing was refused");
        return error!;
    }
}
