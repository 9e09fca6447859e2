using System.Text.Json;
using Cresset.Recipes;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>What subject pages ask for, and what a run tells those who were not at the terminal.</summary>
public sealed class LiveTests : IDisposable
{
    private static readonly RecipeCatalog Catalog = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-live-").FullName;
    private readonly LiveContext _context;

    public LiveTests() => _context = new LiveContext(_folder, Catalog);

    public void Dispose()
    {
        _context.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void ActivationsAreTheLibrarys()
    {
        var result = Ask(
            """{"what": "activation-curves", "names": ["gelu", "elu(alpha=0.5)", "hardsigmoid"], "from": -1, "to": 1, "points": 3}""");
        var gelu = result.GetProperty("curves")[0];
        Assert.Equal(0.841344746, gelu.GetProperty("f")[2].GetDouble(), 8);
        Assert.Equal(0.5, gelu.GetProperty("first")[1].GetDouble(), 8);
        // 2 phi(0) at the origin.
        Assert.Equal(0.797884561, gelu.GetProperty("second")[1].GetDouble(), 8);
        Assert.Equal(0.5 * (Math.Exp(-1) - 1), result.GetProperty("curves")[1].GetProperty("f")[0].GetDouble(), 8);
        Assert.True(result.GetProperty("known").GetArrayLength() > 30);
    }

    [Theory]
    [InlineData("nothing", "invalid")]
    [InlineData("[1]", "object")]
    [InlineData("{}", "what")]
    [InlineData("""{"what": "activation-curve"}""", "activation-curves")]
    [InlineData("""{"what": "activation-curves", "name": "gelu"}""", "name")]
    [InlineData("""{"what": "activation-curves", "names": ["geluu"]}""", "gelu")]
    [InlineData("""{"what": "activation-curves", "from": 2, "to": 1}""", "from")]
    [InlineData("""{"what": "activation-curves", "names": null}""", "names")]
    [InlineData("""{"what": "activation-curves", "points": 1e9}""", "points")]
    [InlineData("""{"what": "flow-steps", "run": "../../etc"}""", "../../etc")]
    [InlineData("""{"what": "flow-steps"}""", "run")]
    public void WhatCannotBeAnsweredIsASentence(string question, string said)
    {
        using (RunStore.Open(_folder))
        {
            var answer = JsonDocument.Parse(LiveWorker.Answer(question, _context, BuiltInParts.Catalog)).RootElement;
            Assert.Contains(said, answer.GetProperty("problem").GetString(), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("unexpected", answer.GetProperty("problem").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void PointsGoThroughAFlowAsItSamples()
    {
        var run = Train(
            "realnvp-moons trainer.steps=3 trainer.evaluate_every=2 trainer.checkpoint_every=2 trainer.threads=1 trainer.batch_size=8 "
                + "model.transforms=3 model.width=8");
        var steps = Ask($$"""{"what": "flow-steps", "run": "{{run}}", "count": 5, "own": [0.5, -0.25], "side": 8}""");
        var states = steps.GetProperty("states");
        Assert.Equal(steps.GetProperty("steps").GetArrayLength(), states.GetArrayLength());
        Assert.True(states.GetArrayLength() > 3);
        Assert.All(states.EnumerateArray(), s => Assert.Equal(12, s.GetArrayLength()));
        Assert.Equal(-0.25, states[0][11].GetDouble(), 6);
        Assert.Equal(64, steps.GetProperty("density").GetArrayLength());
        // The last state is what the flow itself makes of the point.
        var end = _context.Look<PlaneFlowTask, float[]>(run,
            (task, _) => ((Cresset.Flows.DensityModel)task.Module).Decode(TorchSharp.torch.tensor(new[] { 0.5f, -0.25f }).reshape(1, 2))
                .data<float>().ToArray());
        Assert.Equal(end[0], states[states.GetArrayLength() - 1][10].GetDouble(), 3);
        Assert.Equal(end[1], states[states.GetArrayLength() - 1][11].GetDouble(), 3);
        Assert.Contains("another kind", Problem($$"""{"what": "denoising-steps", "run": "{{run}}"}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void AWorldsSweepsEndWhereTheRunEnded()
    {
        var run = Train("zhao-gridworld-value-iteration");
        var world = Ask($$"""{"what": "grid-iterations", "run": "{{run}}"}""");
        var frames = world.GetProperty("frames");
        Assert.True(frames.GetArrayLength() > 3);
        Assert.Equal(25, world.GetProperty("kinds").GetArrayLength());
        var (last, final) = (frames[frames.GetArrayLength() - 1].GetProperty("values"), world.GetProperty("final").GetProperty("values"));
        for (var s = 0; s < 25; s++) Assert.Equal(final[s].GetDouble(), last[s].GetDouble(), 6);
    }

    [Fact]
    public void APictureComesFromNoiseAndFromCodes()
    {
        const string Trainer = "trainer.evaluate_every=2 trainer.checkpoint_every=2 trainer.threads=1 trainer.batch_size=8 trainer.steps=2";
        var drawn = Ask($$"""{"what": "denoising-steps", "run": "{{Train("sd3-digits " + Trainer)}}", "prompt": "seven", "steps": 3}""");
        Assert.Equal(4, drawn.GetProperty("frames").GetArrayLength());
        Assert.Equal(4, drawn.GetProperty("frames").EnumerateArray().Select(f => f.GetString()).Distinct().Count());
        Assert.All(drawn.GetProperty("frames").EnumerateArray(), f => Assert.Equal(0x89, f.GetBytesFromBase64()[0]));
        var codes = Ask($$"""{"what": "picture-codes", "run": "{{Train("vqvae-digits " + Trainer + " model.width=4")}}", "picture": 3}""");
        Assert.Equal(0x89, codes.GetProperty("rebuilt").GetBytesFromBase64()[0]);
        var usage = codes.GetProperty("usage")[0];
        Assert.Equal(usage.GetProperty("used").GetInt64(), usage.GetProperty("counts").GetArrayLength());
        Assert.All(codes.GetProperty("levels")[0].GetProperty("codes").EnumerateArray(),
            c => Assert.InRange(c.GetInt64(), 0, usage.GetProperty("size").GetInt64() - 1));
    }

    [Fact]
    public void ARunKeepsItsLogAndWhatItsRecipeSays()
    {
        var run = Train(
            "digits-classifier trainer.steps=3 trainer.evaluate_every=2 trainer.checkpoint_every=2 trainer.threads=1 trainer.batch_size=8 "
                + "model.width=4 model.hidden=8");
        using var store = RunStore.OpenReadOnly(_folder);
        var log = File.ReadAllText(Path.Combine(store.FolderOf(run), "log.txt"));
        foreach (var word in (string[])["begins", "step 3/3", "accuracy", "finished"]) Assert.Contains(word, log, StringComparison.Ordinal);
        var facts = store.EnvironmentOf(run);
        Assert.NotEqual("3", facts["recipe:trainer.steps"]);
        Assert.Equal("3", store.Config(run)["trainer.steps"]);
        Assert.DoesNotContain("recipe:trainer.seed", facts.Keys);
    }

    [Fact]
    public void AJobWithoutATrainerStopsWhenItIsAskedAndSaysWhatItCannotDo()
    {
        using var store = RunStore.Open(_folder);
        var recipe = Catalog.Find("dqn-cartpole")
            .Resolve(["training.steps=10000000", "training.evaluate_every=1000000", "training.checkpoint_every=1000000",
                "training.log_every=1000", "agent.hidden=[8]"]);
        var result = new RecipeRunner(store, Catalog).Train(recipe, run =>
        {
            store.Ask(run.Id, RunRequest.Save);
            store.Ask(run.Id, RunRequest.Stop);
        });
        Assert.False(result.Outcome.Completed);
        Assert.Equal(RunStatus.Stopped, store.Get(result.RunId).Status);
        var answers = store.Requests(result.RunId).Select(r => r.Answer).ToList();
        Assert.Contains("takes only stop", answers[0], StringComparison.Ordinal);
        Assert.Contains("stops", answers[1], StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(result.Folder, "checkpoints"), "step-*"));
    }

    private string Train(string words)
    {
        using var store = RunStore.Open(_folder);
        var parts = words.Split(' ');
        return new RecipeRunner(store, Catalog).Train(Catalog.Find(parts[0]).Resolve(parts[1..])).RunId;
    }

    private JsonElement Ask(string question)
    {
        var answer = JsonDocument.Parse(LiveWorker.Answer(question, _context, BuiltInParts.Catalog)).RootElement;
        Assert.True(answer.TryGetProperty("result", out var result), answer.ToString());
        return result;
    }

    private string Problem(string question) =>
        JsonDocument.Parse(LiveWorker.Answer(question, _context, BuiltInParts.Catalog)).RootElement.GetProperty("problem").GetString()!;
}
