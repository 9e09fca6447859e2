using System.Security.Cryptography;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Training;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Every job is torn out of its work at some report, as a kill would, and goes on: figures, series and files must be those of a run that
/// was left alone.
/// CRESSET_TEST_KILLS makes it long.
/// </summary>
public sealed class ResumeTests : IDisposable
{
    private const string Trainer = "trainer.evaluate_every=3 trainer.checkpoint_every=2 trainer.threads=1 trainer.batch_size=8";

    // The smallest work of each job; a job without an entry fails Every_job_is_here.
    private static readonly Dictionary<string, string> Small = new()
    {
        ["digits-classifier"] = $"digits-classifier {Trainer} trainer.steps=7 model.width=4 model.hidden=8",
        ["digits-flow"] = $"realnvp-digits {Trainer} trainer.steps=5 model.width=4 model.transforms=1",
        ["flow-matching"] = $"otcfm-moons {Trainer} trainer.steps=5 model.width=8 model.solver.tolerance=0.1 trainer.evaluate_every=5",
        ["picture-flow"] =
            $"tarflow-fashion {Trainer} data=digits trainer.steps=5 trainer.pictures_every=0 model.blocks=2 model.layers=1 model.width=8 "
                + $"model.heads=2",
        ["language-model"] =
            $"gpt-shakespeare {Trainer} trainer.steps=5 data.validation=0.01 model.layers=1 model.heads=2 model.width=8 model.context=16",
        ["detector"] =
            $"detector-digits {Trainer} trainer.steps=5 model.width=8 model.blocks=1 model.size=32 model.train_scenes=24 "
                + $"model.test_scenes=12",
        ["plane-flow"] = $"realnvp-moons {Trainer} trainer.steps=5",
        ["code-prior"] =
            $"pixelcnn-digits {Trainer} trainer.steps=5 model.width=4 model.layers=1 tokenizer.width=4 trainer.log_every=1 "
                + $"tokenizer_trainer.log_every=1 tokenizer_trainer.threads=1 tokenizer_trainer.steps=5 tokenizer_trainer.evaluate_every=2 "
                + $"tokenizer_trainer.checkpoint_every=2 tokenizer_trainer.batch_size=8",
        // Two windows of 25 batches over which the codes in use are counted: what is counted so far is part of a checkpoint.
        ["tokenizer"] =
            "vqgan-digits trainer.threads=1 trainer.batch_size=2 trainer.steps=52 trainer.checkpoint_every=16 trainer.evaluate_every=26 "
                + "model.width=2 model.adversarial_start=1 model.discriminator_width=4 model.perceptual_weight=0.1 "
                + "model.perceptual_start=1 model.perceptual_width=4",
        // In latents, with all encoders: everything that the pixels' way has, and the cache.
        ["sd3-miniature"] =
            $"sd3-digits {Trainer} trainer.steps=4 model.autoencoder=garments model.encoders=all model.width=16 model.heads=1 "
                + $"model.layers=1 model.draw_steps=2 model.final_draws=100",
        ["vae"] = $"vae-garments data=digits {Trainer} trainer.steps=4 model.channels=[8,8] model.groups=4",
        ["espcn"] = $"espcn-x2 {Trainer} trainer.steps=4 model.features=[4,4]",
        ["dqn"] =
            "dqn-cartpole training.steps=300 training.evaluate_every=100 training.checkpoint_every=100 training.evaluation_episodes=2 "
                + "training.log_every=20 agent.hidden=[8] agent.replay.capacity=200 agent.learning_starts=64 agent.train_every=16 "
                + "agent.updates_per_training=2",
        ["actor-critic"] =
            "ppo-cartpole training.steps=768 training.evaluate_every=256 training.checkpoint_every=256 training.evaluation_episodes=2 "
                + "agent.hidden=[8]",
        ["reinforce"] =
            "reinforce-cartpole training.steps=300 training.evaluate_every=100 training.checkpoint_every=100 "
                + "training.evaluation_episodes=2 agent.hidden=[8]",
        ["pqn"] =
            "pqn-cartpole training.steps=4096 training.evaluate_every=2048 training.checkpoint_every=2048 training.evaluation_episodes=2 "
                + "agent.hidden=[8]",
        ["sac"] =
            "sac-pendulum training.steps=300 training.evaluate_every=100 training.checkpoint_every=100 training.evaluation_episodes=1 "
                + "agent.hidden=[8] agent.replay.capacity=250 agent.learning_starts=64 agent.batch_size=32 agent.train_every=16",
        ["sac-discrete"] =
            "sac-discrete-cartpole training.steps=300 training.evaluate_every=100 training.checkpoint_every=100 "
                + "training.evaluation_episodes=2 agent.hidden=[8] agent.replay.capacity=200 agent.learning_starts=64 "
                + "agent.batch_size=32 agent.train_every=8",
        ["td3"] =
            "td3-pendulum training.steps=300 training.evaluate_every=100 training.checkpoint_every=100 training.evaluation_episodes=1 "
                + "agent.hidden=[8] agent.replay.capacity=250 agent.learning_starts=64 agent.batch_size=32 agent.train_every=16",
        ["activation-study"] =
            "activation-study study.steps=3 study.seeds=1 study.activations=[relu,gelu,tanh] study.depth=2 study.width=8",
        ["rl-walk-sweep"] = "walk19-nstep sweep.runs=2 sweep.parameters=[1,4] sweep.step_sizes=[0.2,0.4] sweep.book=[]",
        ["rl-baird"] = "baird-counterexample baird.steps=20 baird.book=[]",
        ["rl-solve"] = "zhao-gridworld-qlearning solve.episodes=5 solve.seeds=2 solve.book=[]",
        ["rl-curves"] = "cliff-walking curves.episodes=4 curves.window=2 curves.runs=2 curves.book=[]",
    };

    // These take minutes at their smallest, or need files of the user's own; they have no code of their own between beginning and end:
    // their bases are tested by the others.
    private static readonly string[] ByTheirBase = ["segmentation-study", "generative-comparison", "picture-comparison", "vq-anatomy",
        "sd3-finetune", "segmentation", "classifier", "regression", "density", "tqc", "ddpg", "posterior", "behaviour-cloning"];

    private static readonly RecipeCatalog Catalog = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-resume-").FullName;

    public static TheoryData<string> Jobs() => [.. Small.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EveryJobIsHere()
    {
        var jobs = BuiltInParts.Catalog.Of("job").Select(p => p.Name).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(jobs, Small.Keys.Concat(ByTheirBase).Order(StringComparer.Ordinal));
        Type? Base(string name) =>
            BuiltInParts.Catalog.Find("job", name)!.Type.BaseType is { IsGenericType: true } b ? b.GetGenericTypeDefinition() : null;
        var tested = Small.Keys.Select(Base).ToHashSet();
        Assert.All(ByTheirBase, name => Assert.Contains(Base(name), tested));
    }

    [Theory]
    [MemberData(nameof(Jobs))]
    public void AJobThatIsTornOutOfItsWorkEndsAsIfItHadBeenLeftAlone(string job)
    {
        var words = Small[job].Split(' ');
        Assert.Equal(job, Catalog.Find(words[0]).Resolve(words[1..]).Job.Name);
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        var recipe = Catalog.Find(words[0]).Resolve(words[1..]);
        var counter = new Torn(int.MaxValue);
        var straight = runner.Train(recipe, progress: counter);
        Assert.True(straight.Outcome.Completed);
        var expected = Everything(store, straight);
        var kills = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_TEST_KILLS"), out var asked) ? asked : 1;
        var random = new RandomStream(5);
        var done = 0;
        // The first of the kills comes late, so that there is something to go on from.
        var first = counter.Count - 2;
        RecipeResult result;
        do
        {
            result = Tear(recipe, runner, store, kills, ref done, first, counter.Count, random);
            first = random.NextInt32(counter.Count);
            Assert.Equal(expected, Everything(store, result));
            Assert.Equal(straight.Outcome.Metrics, result.Outcome.Metrics);
        }
        while (done < kills);
        // Every recipe can be evaluated, and a finished run stays finished.
        var evaluated = runner.Evaluate(result.RunId);
        Assert.NotEmpty(evaluated.Outcome.Metrics);
        Assert.Equal(expected, Everything(store, runner.Resume(result.RunId)));
    }

    // A new run, torn and resumed until it comes to its end; fewer times once all kills are done.
    private static RecipeResult Tear(ResolvedRecipe recipe, RecipeRunner runner, RunStore store, int kills, ref int done, int first,
        int reports, RandomStream random)
    {
        string? id = null;
        while (true)
        {
            var torn = new Torn(done >= kills ? int.MaxValue : id is null ? first : random.NextInt32(reports));
            try
            {
                return id is null ? runner.Train(recipe, run => id = run.Id, torn) : runner.Resume(id, progress: torn);
            }
            catch (TornException)
            {
                done++;
                Assert.Equal(RunStatus.Failed, store.Get(id!).Status);
            }
        }
    }

    [Fact]
    public void BothStagesOfARunKeepTheirSeriesAndPictures()
    {
        var words = Small["code-prior"].Split(' ');
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        using var source = new CancellationTokenSource();
        var result = runner.Train(Catalog.Find(words[0]).Resolve(words[1..]));
        var series = store.Series(result.RunId).ToDictionary(s => s.Tag, s => s.Count);
        Assert.Equal((5L, 5L), (series["tokenizer/train/loss"], series["train/loss"]));
        Assert.Contains(store.Pictures(result.RunId), p => p.Tag.StartsWith("tokenizer/", StringComparison.Ordinal));
    }

    [Fact]
    public void AFinishedRunCanBeExtendedAndEndsAsALongerOne()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        string[] settings = [.. Small["digits-classifier"].Split(' ')[1..], "optimization.schedule=constant"];
        var longer = runner.Train(Catalog.Find("digits-classifier").Resolve([.. settings, "trainer.steps=12"]));
        var shorter = runner.Train(Catalog.Find("digits-classifier").Resolve(settings));
        var extended = runner.Resume(shorter.RunId, ["trainer.steps=12"]);
        Assert.Equal("12", store.Config(extended.RunId)["trainer.steps"]);
        Assert.Equal(Weights(longer), Weights(extended));
        Assert.Equal(store.ReadSeries(longer.RunId, "train/loss").Select(p => (p.Step, p.Value)),
            store.ReadSeries(extended.RunId, "train/loss").Select(p => (p.Step, p.Value)));
    }

    [Theory]
    [InlineData("digits-classifier", "trainer.steps")]
    [InlineData("code-prior", "trainer.steps")]
    [InlineData("dqn", "training.steps")]
    public void FewerStepsThanWereDoneAreRefusedAndTheRunStays(string job, string key)
    {
        var words = Small[job].Split(' ');
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        var done = runner.Train(Catalog.Find(words[0]).Resolve(words[1..]));
        var before = (Everything(store, done), store.Config(done.RunId)[key], store.Get(done.RunId).Status);
        var error = Assert.Throws<ConfigException>(() => runner.Resume(done.RunId, [$"{key}=1"]));
        Assert.Contains($"{key} is 1, and the run has done", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, (Everything(store, done), store.Config(done.RunId)[key], store.Get(done.RunId).Status));
    }

    private static string Everything(RunStore store, RecipeResult result)
    {
        var series = store.Series(result.RunId)
            .Select(s => $"{s.Tag}: {string.Join(' ', store.ReadSeries(result.RunId, s.Tag).Select(p => $"{p.Step}={p.Value:R}"))}")
            .Where(line => !line.Contains("second", StringComparison.Ordinal) && !line.StartsWith("system/", StringComparison.Ordinal));
        var pictures = store.Pictures(result.RunId).Select(p => $"{p.Tag} {p.Step} {p.Sha256}");
        return $"{Weights(result)}\n{string.Join('\n', series)}\n{string.Join('\n', pictures)}";
    }

    private static string Weights(RecipeResult result) =>
        string.Join('\n', Directory.EnumerateFiles(result.Folder, "*.safetensors", SearchOption.AllDirectories)
        .Where(f => !f.Contains("checkpoints", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
        .Select(f => $"{Path.GetRelativePath(result.Folder, f)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))}"));

    private sealed class TornException() : Exception("torn out");

    private sealed class Torn(int at) : IProgress<TrainingReport>
    {
        public int Count { get; private set; }

        public void Report(TrainingReport value)
        {
            if (Count++ >= at) throw new TornException();
        }
    }
}
