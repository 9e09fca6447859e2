using Cresset.Data;
using Cresset.Detection;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Trains <see cref="DetectorTask"/>; beside the model it leaves the held-out scenes, their objects and detections as COCO files, and a
/// report.
/// </summary>
[Part("detector")]
internal sealed class DetectorJob : TrainingJob<DetectorOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "detector";

    /// <inheritdoc/>
    public override string Summary => "A small detector that finds handwritten digits on photographs, boxes and masks.";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults
        => new() { Steps = 640, BatchSize = 32, EvaluateEvery = 64, CheckpointEvery = 64, EmaDecay = 0.98, ClipNorm = 10 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults
        => new() { Optimizer = new AdamWRule { LearningRate = 3e-3, WeightDecay = 0.01 } };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DetectorOptions options, TrainerOptions trainer) => new DetectorTask(options);

    /// <inheritdoc/>
    private protected override void Export(ITrainingTask task, JobContext context)
    {
        var options = context.Options<DetectorOptions>("model");
        var metadata = ModelFile.Metadata(Name, options, DetectorTask.Facts(options));
        StateDict.Save(task.Module, Path.Combine(context.Folder, ModelFile.Name), metadata);
        var detector = (DetectorTask)task;
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var generator = new Generator(0);
        var device = task.Module.parameters().First().device;
        var (truth, results) = detector.Detect(new EvaluationContext(0, generator, device, IsFinal: true, CancellationToken.None));
        var place = Path.Combine(context.Folder, "evaluation");
        var images = Directory.CreateDirectory(Path.Combine(place, "images")).FullName;
        foreach (var image in truth.Images) AtomicFile.WriteBytes(Path.Combine(images, image.FileName), detector.Scene(image.Id).ToPng());
        CocoFormat.WriteGroundTruth(truth, Path.Combine(place, "gt.json"));
        CocoFormat.WriteResults(results, Path.Combine(place, "dt.json"));
        var report = new DetectionReportOptions { Protocol = DetectorTask.Protocol(IouKind.Box), ImageFolder = images };
        DetectionReport.Create(truth, results, report).WriteHtml(Path.Combine(place, "report.html"));
    }

    Predictor IPredictingJob.Open(StoredModel stored)
    {
        // Model files of earlier versions say nothing of themselves; the recipe beside them does.
        var said = stored.Metadata.ContainsKey(ModelFile.OptionsKey);
        var options = said ? stored.Model<DetectorOptions>() : (DetectorOptions)stored.Recipe().Options["model"];
        return new DetectorPredictor(new DetectorNet(options), options, said ? stored.Facts : DetectorTask.Facts(options));
    }
}
