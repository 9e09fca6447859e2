using Cresset.Samples.Programs;
using Cresset.Samples.Snippets;

// Runs one sample by name, or all: dotnet run -c Release --project samples/Cresset.Samples -- NAME|all
Dictionary<string, Action> samples = new()
{
    ["snippets/readme"] = ReadmeSnippets.TrainingLoop,
    ["snippets/activations"] = ActivationSnippets.Catalogue,
    ["snippets/activation-buffers"] = ActivationSnippets.ReusedBuffers,
    ["snippets/data"] = DataSnippets.OwnPictures,
    ["snippets/detection-files"] = DetectionSnippets.Files,
    ["snippets/detection-memory"] = DetectionSnippets.Memory,
    ["snippets/detection-processes"] = DetectionSnippets.Processes,
    ["snippets/detection-shapes"] = DetectionSnippets.Shapes,
    ["snippets/flows-density"] = FlowSnippets.Density,
    ["snippets/flows-solving"] = FlowSnippets.Solving,
    ["snippets/flows-pictures"] = FlowSnippets.Pictures,
    ["snippets/flows-foreign"] = FlowSnippets.Foreign,
    ["snippets/language"] =
        () => LanguageSnippets.WriteOn("But, soft! what light through yonder window breaks? It is the east, and Juliet is the sun."),
    ["snippets/losses"] = LossSnippets.Compare,
    ["snippets/optimization"] = OptimizationSnippets.Loop,
    ["snippets/rl-balance"] = ReinforcementLearningSnippets.Balance,
    ["snippets/rl-planning"] = ReinforcementLearningSnippets.Planning,
    ["snippets/rl-own-table"] = ReinforcementLearningSnippets.OwnTable,
    ["snippets/rl-taxis"] = ReinforcementLearningSnippets.Taxis,
    ["snippets/rl-deep-balance"] = ReinforcementLearningSnippets.DeepBalance,
    ["snippets/rl-triad"] = ReinforcementLearningSnippets.Triad,
    ["snippets/rl-policy-gradients"] = ReinforcementLearningSnippets.PolicyGradients,
    ["snippets/runs-recording"] = RunSnippets.Recording,
    ["snippets/runs-reading"] = RunSnippets.Reading,
    ["snippets/sa-rule"] = StochasticApproximationSnippets.Rule,
    ["snippets/sa-means"] = StochasticApproximationSnippets.Means,
    ["snippets/sa-roots"] = StochasticApproximationSnippets.Roots,
    ["snippets/resizing"] = ResizeSnippets.Conventions,
    ["snippets/upsampling"] = UpsamplingSnippets.Doors,
    ["snippets/weights"] = WeightSnippets.AnyFile,
    ["snippets/onnx"] = OnnxSnippets.OutAndBack,
    ["snippets/vq-quantizing"] = QuantizationSnippets.Quantizing,
    ["snippets/vq-drawing"] = QuantizationSnippets.Drawing,
    ["snippets/vq-scales"] = QuantizationSnippets.Scales,
    ["classify-digits"] = ClassifyDigits.Run,
    ["flow-on-moons"] = FlowOnMoons.Run,
    ["own-task"] = OwnTask.Run,
    ["grid-world"] = GridWorld.Run,
    ["optimizer-race"] = OptimizerRace.Run,
};

// The large checkpoint is nothing that everyone has.
if (Directory.Exists("stable-diffusion-3.5-medium")) samples["snippets/sd3"] = StableDiffusionSnippets.Lighthouse;
var chosen = args is ["all"] ? [.. samples.Keys] : args.Where(samples.ContainsKey).ToList();
if (chosen.Count == 0)
{
    Console.Error.WriteLine("usage: Cresset.Samples NAME...|all; names: " + string.Join(", ", samples.Keys));
    return 2;
}
foreach (var name in chosen)
{
    Console.WriteLine($"-- {name}");
    samples[name]();
}
return 0;
