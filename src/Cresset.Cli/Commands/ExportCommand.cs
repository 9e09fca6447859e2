using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Onnx;
using Cresset.Onnx.Verification;
using Cresset.Recipes;
using Cresset.Tensors;
using TorchSharp;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset export RUN</c>: a run's best model as files that other programs run.</summary>
internal static class ExportCommand
{
    public const string Summary = "Write a run's best model as ONNX, checked in ONNX Runtime on two batch sizes, or as safetensors.";

    public static Command Create(PartCatalog parts)
    {
        var run = SharedOptions.Run();
        var format = new Option<string>("--format")
        {
            Description = "onnx (runs in ONNX Runtime anywhere) or safetensors (weights alone).",
            DefaultValueFactory = _ => "onnx",
            HelpName = "FORMAT"
        };
        format.AcceptOnlyFromAmong("onnx", "safetensors");
        var dynamic = new Option<string>(
            "--dynamic")
        {
            Description =
                "Sizes that may vary: batch, and what else the model lets vary (batch,height,width); none for the example's.",
            DefaultValueFactory = _ => "batch",
            HelpName = "SIZES"
        };
        var output = new Option<string?>("--output",
            "-o")
        {
            Description = "A file, or a folder for models of several functions (default: the run's folder, export/).",
            HelpName = "PATH"
        };
        var tolerance = new Option<double?>(
            "--tolerance")
        {
            Description =
                "The largest difference to ONNX Runtime's results, as a share of the largest value (default 1e-4).",
            HelpName = "SHARE"
        };
        var half = new Option<bool>("--float16") { Description = "Weights and results in 16 bits." };
        var force = SharedOptions.Force();
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("export", Summary) { run, format, dynamic, half, tolerance, output, force, with.Option, runs, json };
        command.SetAction(result =>
        {
            if (result.GetValue(format) == "safetensors"
                && new Option[] { dynamic, tolerance }.FirstOrDefault(o => result.GetResult(o) is { Implicit: false }) is { } alone)
                throw new ArgumentException($"{alone.Name} is for --format onnx; safetensors holds weights alone.");
            if (result.GetValue(tolerance) is { } share && !(share >= 0 && double.IsFinite(share)))
                throw new ArgumentException(
                    string.Create(CultureInfo.InvariantCulture, $"--tolerance is {share}; allowed are finite numbers from 0."));
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Folder is null ? place.Read() : null;
            using var view = new TrainingView(result.GetValue(json));
            var (info, recipe, model) = new RecipeRunner(store, with.Recipes(result)).OpenExport(place.Folder ?? place.Name, view);
            using (model)
            {
                var extension = result.GetValue(format) == "onnx" ? ".onnx" : ".safetensors";
                // Weights are the same for all functions of a module.
                var graphs = extension == ".onnx" ? model.Graphs : model.Graphs.DistinctBy(g => g.Module).ToList();
                var paths = Paths(graphs, result.GetValue(output), Path.Combine(info.Folder, "export"), extension, result.GetValue(force));
                var written = new List<object>();
                for (var i = 0; i < graphs.Count; i++)
                {
                    var metadata = new Dictionary<string, string>(graphs[i].Metadata)
                    {
                        ["cresset.recipe"] = recipe.Job.Name,
                        ["cresset.run"] = info.Id
                    };
                    if (extension == ".safetensors")
                    {
                        if (result.GetValue(half)) graphs[i].Module.to(TorchSharp.torch.ScalarType.Float16);
                        StateDict.Save(graphs[i].Module, paths[i], metadata);
                        if (!result.GetValue(json)) Console.Out.WriteLine(paths[i]);
                        written.Add(new { path = paths[i] });
                        continue;
                    }
                    var report = Write(graphs[i], paths[i], result.GetValue(dynamic)!, result.GetValue(tolerance), result.GetValue(half),
                        metadata);
                    if (!result.GetValue(json)) Console.Out.WriteLine(report);
                    written.Add(new
                    {
                        path = report.Path,
                        report.Inputs,
                        report.Outputs,
                        report.Operations,
                        report.LargestDifference,
                        report.Warnings
                    });
                }
                if (result.GetValue(json)) Output.Json(written);
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset export digits-classifier", "cresset export espcn --dynamic batch,height,width -o espcn.onnx",
            "cresset export vqvae-digits -o tokenizer/", "cresset export digits-classifier --format safetensors -o weights.safetensors");
    }

    private static OnnxExportReport Write(ExportedGraph graph, string path, string dynamic, double? tolerance, bool half,
        Dictionary<string, string> metadata)
    {
        if (half) StateDict.Convert(graph.Module, TorchSharp.torch.ScalarType.Float16);
        var example = half ? [.. graph.Example.Select(e => e.is_floating_point() ? e.to(TorchSharp.torch.ScalarType.Float16) : e)]
            : graph.Example;
        return OnnxExport.Save(graph.Module, example, graph.Function, path, new OnnxExportOptions
        {
            InputNames = graph.Inputs,
            OutputNames = graph.Outputs,
            DynamicAxes = Axes(graph, dynamic),
            Metadata = metadata,
            Verifier = new OnnxRuntimeVerifier(),
            Tolerance = tolerance,
        });
    }

    private static IReadOnlyList<DynamicAxis> Axes(ExportedGraph graph, string dynamic)
    {
        if (dynamic == "none") return [];
        string[] known = ["batch", .. graph.VaryingSizes.Keys];
        return [.. dynamic.Split(',', StringSplitOptions.TrimEntries).Distinct().Select(name => name == "batch" ? DynamicAxis.Batch
            : graph.VaryingSizes.TryGetValue(name, out var axis) ? new DynamicAxis(name, axis)
            : throw new ArgumentException($"--dynamic names '{name}'; this model lets {string.Join(", ", known)} vary, or none."))];
    }

    private static List<string> Paths(IReadOnlyList<ExportedGraph> graphs, string? output, string folder, string extension, bool force)
    {
        var isFile = output is not null && Path.GetExtension(output).Equals(extension, StringComparison.OrdinalIgnoreCase);
        if (isFile && graphs.Count > 1)
            throw new ArgumentException(
                $"--output is {output}, and the model has {graphs.Count} functions ({string.Join(", ", graphs.Select(g => g.Name))}): name "
                    + $"a folder.");
        if (output is not null && !isFile && Path.HasExtension(output) && !Directory.Exists(output) && graphs.Count == 1)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture,
                    $"--output is {output}; expected a file that ends in {extension}, or a folder."));
        List<string> paths = isFile ? [output!]
            : [.. graphs.Select(
                g => Path.Combine(output ?? folder, (g.Name.Length == 0 || extension == ".safetensors" ? "model" : g.Name) + extension))];
        foreach (var path in paths)
        {
            if (File.Exists(path) && !force)
                throw new ArgumentException($"{path} exists; add --force to replace it, or name another place with --output.");
        }
        return paths;
    }
}
