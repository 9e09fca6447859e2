using Cresset.Onnx;
using Cresset.Onnx.Verification;
using Cresset.Recipes;
using Cresset.Rl.Deep;
using Cresset.Runs;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>Policies that remember are files of one step, whose memory comes in and goes out.</summary>
public sealed class OnnxMemoryPolicyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-onnx-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Episodes that the agent played come out of ONNX Runtime choice by choice, and forgetting makes another of them.</summary>
    [Theory]
    [InlineData("dqn-tmaze", "choice")]
    [InlineData("ppo-tmaze", "choice")]
    [InlineData("sac-discrete-tmaze", "choice")]
    [InlineData("sac-pendulum agent.memory=8", "action")]
    [InlineData("td3-pendulum agent.memory=8", "action")]
    public void EpisodesAreThoseOfTheAgent(string name, string output)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        var words = name.Split(' ');
        var recipe = new RecipeCatalog().Find(words[0]).Resolve(
            ["training.steps=300", "training.evaluate_every=300", "training.evaluation_episodes=1", "training.evaluation_steps=10",
                .. words[1..]]);
        var job = recipe.Job is IChoosesJob either ? (Job)either.Chosen(recipe) : (Job)recipe.Job;
        var context = new JobContext(recipe, NullRunRecorder.Instance, _folder, null, default);
        Assert.True(job.Run(context).Completed);
        using var model = job.OpenExport(context);
        var graph = Assert.Single(model.Graphs);
        Assert.Equal(["observation", "memory"], graph.Inputs);
        Assert.Equal([output, "next_memory"], graph.Outputs);
        Assert.Contains("zeros", graph.Metadata["memory"], StringComparison.Ordinal);
        var path = Path.Combine(_folder, "m.onnx");
        OnnxExport.Save(graph.Module, graph.Example, graph.Function, path,
            new OnnxExportOptions { InputNames = graph.Inputs, OutputNames = graph.Outputs, Verifier = new OnnxRuntimeVerifier() });

        using var session = new OnnxRuntimeVerifier().Open(path);
        var played = ((IAgentJob)job).Record(context, 3, 7);
        Assert.True(played.Count >= 12);
        var units = graph.Example[1].size(1);
        var (memory, differs, ends) = (zeros(1, units), false, 0);
        for (var i = 0; i < played.Count; i++)
        {
            var observation = tensor(played.Observations.AsSpan(i * played.ObservationSize, played.ObservationSize).ToArray())
                .unsqueeze(0);
            var found = session.Run([("observation", observation), ("memory", memory)]);
            var forgotten = session.Run([("observation", observation), ("memory", zeros(1, units))]);
            differs |= !found[1].allclose(forgotten[1], 1e-3, 1e-4);
            var action = found[0].to(ScalarType.Float32).flatten().data<float>().ToArray();
            for (var k = 0; k < action.Length; k++) Assert.Equal(played.Actions[(i * played.ActionSize) + k], action[k], 1e-4f);
            var hasEnded = played.Terminated[i] || played.Truncated[i];
            memory = hasEnded ? zeros(1, units) : found[1];
            ends += hasEnded ? 1 : 0;
        }
        Assert.Equal(3, ends);
        Assert.True(differs);
    }

    [Fact]
    public void QuestionsThatStandAloneAreRefusedWithTheWay()
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var run = runner.Train(new RecipeCatalog().Find("ppo-tmaze").Resolve(
            ["training.steps=200", "training.evaluate_every=200", "training.evaluation_episodes=1", "training.evaluation_steps=10"]));
        var message = Assert.ThrowsAny<InvalidDataException>(
            () => TrainedModel.Open(Path.Combine(store.Get(run.RunId).Folder, Cresset.Recipes.ModelFile.PolicyName))).Message;
        Assert.Contains("remembers", message, StringComparison.Ordinal);
        Assert.Contains("cresset export", message, StringComparison.Ordinal);
    }
}
