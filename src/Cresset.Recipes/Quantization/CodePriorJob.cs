using System.Globalization;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Two stages in one run: a tokenizer (section <c>tokenizer</c>, kept in the run's folder), then a prior over its codes. A stopped run goes on in the stage it was in.
/// </summary>
[Part("code-prior")]
public sealed class CodePriorJob : IJob
{
    private const string TokenizerFolder = "tokenizer";

    /// <inheritdoc/>
    public string Name => "code-prior";

    /// <inheritdoc/>
    public string Summary => "A prior over the codes of a VQ-VAE, which draws new pictures.";

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections =>
    [
        new("model", new CodePriorOptions()),
        new("tokenizer", new TokenizerOptions()),
        new("tokenizer_trainer", TokenizerJob.Defaults),
        new("trainer", new TrainerOptions { Steps = 936, BatchSize = 128, ClipNorm = 0, EvaluateEvery = 234, CheckpointEvery = 234, LogEvery = 10 }),
        new("optimization", new OptimizationOptions { Optimizer = "adam", LearningRate = 1e-3, WeightDecay = 0, Schedule = "constant" }),
    ];

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!File.Exists(WeightsOf(context)) && !TrainTokenizer(context)) return new JobOutcome(false, new Dictionary<string, double>(), []);
        return new PriorStage(context).Run(context);
    }

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context) => new PriorStage(Trained(context)).Evaluate(context);

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request) => new PriorStage(Trained(context)).Sample(context, request);

    internal static string WeightsOf(JobContext context) => Path.Combine(context.Folder, TokenizerFolder, "model.safetensors");

    private static JobContext Trained(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return File.Exists(WeightsOf(context)) ? context : throw new InvalidDataException($"{WeightsOf(context)} is missing: the run stopped before its tokenizer was ready. Resume it first.");
    }

    private static bool TrainTokenizer(JobContext context)
    {
        var options = context.Options<TrainerOptions>("tokenizer_trainer");
        Seeding.Apply(options.Seed);
        using var task = new TokenizerTask(context.Options<TokenizerOptions>("tokenizer"), options.Seed);
        var recorder = new PrefixedRecorder(context.Recorder, "tokenizer/");
        using var trainer = new Trainer(task, options, TokenizerJob.OptimizationDefaultsOf, recorder, new CheckpointFolder(Path.Combine(context.Folder, TokenizerFolder, "checkpoints")));
        trainer.TryResume(out _);
        context.Progress?.Report(new NoticeReport("Stage 1 of 2: the tokenizer."));
        var result = trainer.Run(context.Progress, context.Cancellation);
        if (result.End == TrainingEnd.Cancelled) return false;
        trainer.InEvaluation(() =>
        {
            StateDict.Save(task.Module, WeightsOf(context), new Dictionary<string, string> { ["format"] = "pt" });
            return true;
        });
        context.Progress?.Report(new NoticeReport("Stage 2 of 2: the prior over its codes."));
        return true;
    }

    private sealed class PriorStage(JobContext context) : TrainingJob<CodePriorOptions>
    {
        public override string Name => "code-prior";

        public override string Summary => "";

        protected override ITrainingTask CreateTask(CodePriorOptions options, TrainerOptions trainer)
        {
            var tokenizerOptions = context.Options<TokenizerOptions>("tokenizer");
            var (train, test) = TokenizerData.Load(tokenizerOptions);
            using (train)
            using (test)
            {
                using var generator = new Generator(0);
                if (tokenizerOptions.Build((int)train.Inputs.size(1), generator) is not VqVae tokenizer) throw new ArgumentException($"tokenizer.architecture={tokenizerOptions.Architecture}: a prior needs a tokenizer with one map of codes; use vq_vae.");
                StateDict.Load(tokenizer, WeightsOf(context));
                return new CodePriorTask(options, tokenizer, train, test, trainer.Seed);
            }
        }

        protected override IEnumerable<TaskPicture> Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
        {
            var prior = (CodePriorTask)task;
            var count = request.Count > 0 ? request.Count : prior.Classes == 0 ? 64 : 8;
            return [prior.Draw(count, request.Conditions ?? [], request.Temperature, request.Seed)];
        }

        protected override void Export(ITrainingTask task, string folder)
        {
            var metadata = new Dictionary<string, string> { ["format"] = "pt", [CodePriorRun.ClassesKey] = ((CodePriorTask)task).Classes.ToString(CultureInfo.InvariantCulture) };
            StateDict.Save(task.Module, Path.Combine(folder, "model.safetensors"), metadata);
        }

        protected override IReadOnlyDictionary<string, double> DrawMetrics(ITrainingTask task) => ((CodePriorTask)task).LastDraw;
    }
}
