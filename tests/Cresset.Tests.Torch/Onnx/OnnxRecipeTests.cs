using System.Globalization;
using Cresset.Diffusion;
using Cresset.Onnx;
using Cresset.Onnx.Verification;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>
/// The functions that <c>cresset export</c> takes from recipes, with the weights they begin with, in ONNX Runtime at two batch sizes.
/// </summary>
public sealed class OnnxRecipeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-onnx-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("digits-classifier", 1)]
    [InlineData("espcn-x2", 1)]
    [InlineData("vqvae-digits", 2)]
    [InlineData("vqvae2-digits", 2)]
    [InlineData("realnvp-moons", 2)]
    [InlineData("nsf-checkerboard", 2)]
    [InlineData("otcfm-moons", 1)]
    [InlineData("rectified-flow-digits", 1)]
    [InlineData("sd3-digits", 1)]
    [InlineData("detector-digits", 1)]
    [InlineData("gpt-shakespeare", 2)]
    [InlineData("gpt-shakespeare model.positions=learned model.norm=layer model.key_value_heads=2 model.tied=false", 2)]
    public void FunctionsOfARecipeRunAlike(string name, int functions)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        manual_seed(5);
        var words = name.Split(' ');
        var recipe = new RecipeCatalog().Find(words[0]).Resolve(words[1..]);
        using var task = ((Job)recipe.Job).StageToTrain(new JobContext(recipe, NullRunRecorder.Instance, _folder, null, default))!.Create();
        task.Module.eval();
        using var quiet = no_grad();
        var graphs = Assert.IsAssignableFrom<IExportsGraphs>(task).Graphs();
        Assert.Equal(functions, graphs.Count);
        Export(name, graphs);
    }

    /// <summary>The scores of every kind of prior, and a transformer's step with its cache.</summary>
    [Theory]
    [InlineData("plain-pixel-cnn", 1)]
    [InlineData("pixel-cnn", 1)]
    [InlineData("pixel-snail", 1)]
    [InlineData("transformer", 2)]
    [InlineData("mask-git", 1)]
    [InlineData("delayed-transformer", 1)]
    [InlineData("next-scale", 1)]
    public void PriorsRunAlike(string kind, int functions)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        foreach (var (told, said) in new (ConditionOptions, string)[] { (new NoCondition(), ""), (new ClassCondition(), " of classes"),
            (new TextCondition { Width = 16 }, " of words") })
        {
            var options = (CodePriorOptions)BuiltInParts.Catalog.Get("prior", kind).Create() with { Condition = told };
            var (height, width) = options.PredictsScales ? (1, 14) : (3, 4);
            using var model = options.Build(12, 4, height, width, generator, kind == "delayed-transformer" ? 2 : 1,
                options.PredictsScales ? [1, 2, 3] : null, new WordTokenizer(["a", "red", "boot"], 6));
            model.Module.eval();
            using var quiet = no_grad();
            var graphs = model.Graphs(height, width);
            Assert.Equal(functions, graphs.Count);
            Assert.Equal(told.IsText, graphs.All(g => g.Inputs.Contains("words")));
            Export($"prior {kind}{said}", graphs);
        }
    }

    /// <summary>Steps with the cache as tensors are the whole pass, whatever stands at later places.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("model.positions=learned model.norm=layer model.key_value_heads=2 model.tied=false")]
    public void StepsOfALanguageModelAreTheWholePass(string changes)
    {
        using var scope = NewDisposeScope();
        manual_seed(6);
        var recipe = new RecipeCatalog().Find("gpt-shakespeare").Resolve(changes.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        using var task = ((Job)recipe.Job).StageToTrain(new JobContext(recipe, NullRunRecorder.Instance, _folder, null, default))!.Create();
        task.Module.eval();
        using var quiet = no_grad();
        var graphs = ((IExportsGraphs)task).Graphs();
        var tokens = graphs[0].Example[0].narrow(1, 0, 20);
        var whole = ((nn.Module<Tensor, Tensor>)task.Module).call(tokens);
        Tensor keys = full_like(graphs[1].Example[2], 1e3), values = full_like(keys, -1e3);
        for (var t = 0; t < 20; t++)
        {
            var step = graphs[1].Function([tokens.select(1, t), full([2], (long)t, dtype: ScalarType.Int64), keys, values]);
            Assert.True((step[0] - whole.select(1, t)).abs().max().ToDouble() < 1e-4);
            (keys, values) = (step[1], step[2]);
        }
    }

    private void Export(string name, IReadOnlyList<ExportedGraph> graphs)
    {
        foreach (var graph in graphs)
        {
            var path = Path.Combine(_folder, "m.onnx");
            var report = OnnxExport.Save(graph.Module, graph.Example, graph.Function, path, new OnnxExportOptions
            {
                InputNames = graph.Inputs,
                OutputNames = graph.Outputs,
                DynamicAxes = [DynamicAxis.Batch, .. graph.VaryingSizes.Select(v => new DynamicAxis(v.Key, v.Value))],
                Metadata = graph.Metadata,
                Verifier = new OnnxRuntimeVerifier(),
            });
            Assert.Equal(2, report.Checks.Count);
            if (Environment.GetEnvironmentVariable("CRESSET_ONNX_TABLE") is { Length: > 0 } table)
                File.AppendAllText(table,
                    string.Create(CultureInfo.InvariantCulture,
                        $"| recipe {name}{(graph.Name.Length == 0 ? "" : ", " + graph.Name)} | {report.Operations} | "
                            + $"{report.Checks[0].LargestDifference:0.#e+0} | {report.Checks[1].LargestDifference:0.#e+0} |\n"));
        }
    }

    /// <summary>Observation in, action out, as the agent acts; the file is compared with the agent before it is written.</summary>
    [Theory]
    [InlineData("ppo-cartpole", "choice")]
    [InlineData("dqn-cartpole", "choice")]
    [InlineData("sac-discrete-cartpole", "choice")]
    [InlineData("td3-pendulum", "action")]
    public void PoliciesActAsTheirAgents(string name, string output)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        var recipe = new RecipeCatalog().Find(name)
            .Resolve(["training.steps=300", "training.evaluate_every=300", "training.evaluation_episodes=1",
                "training.evaluation_steps=10"]);
        var job = (recipe.Job is IChoosesJob either ? (Job)either.Chosen(recipe) : (Job)recipe.Job);
        var context = new JobContext(recipe, NullRunRecorder.Instance, _folder, null, default);
        Assert.True(job.Run(context).Completed);
        using var model = job.OpenExport(context);
        var graph = Assert.Single(model.Graphs);
        Assert.Equal(output, Assert.Single(graph.Outputs));
        var report = OnnxExport.Save(graph.Module, graph.Example, graph.Function, Path.Combine(_folder, "m.onnx"),
            new OnnxExportOptions { InputNames = graph.Inputs, OutputNames = graph.Outputs, Verifier = new OnnxRuntimeVerifier() });
        Assert.Equal(2, report.Checks.Count);
    }

    [Fact]
    public void ARecipeWithoutARuleSaysSo()
    {
        var recipe = new RecipeCatalog().Find("qlearning-taxi").Resolve();
        var message = Assert.Throws<NotSupportedException>(
            () => ((Job)recipe.Job).OpenExport(new JobContext(recipe, NullRunRecorder.Instance, _folder, null, default))).Message;
        Assert.Contains("makes no module that an ONNX file could hold", message, StringComparison.Ordinal);
    }
}
