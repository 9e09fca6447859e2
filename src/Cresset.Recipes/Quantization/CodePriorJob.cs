using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Two stages in one run: a tokenizer (section <c>tokenizer</c>, kept in the run's folder), then a prior over its codes. A stopped run goes
/// on in the stage it was in.
/// </summary>
[Part("code-prior")]
internal sealed class CodePriorJob : Job, IUpgradesRecipes, IAnswersThroughAnother, IDrawsGuided
{
    private const string TokenizerFolder = "tokenizer";
    private const string SamplingSteps = "sampling_steps";

    /// <inheritdoc/>
    public override string Name => "code-prior";

    /// <inheritdoc/>
    public override string Summary => "A prior over the codes of a VQ-VAE, which draws new pictures.";

    /// <inheritdoc/>
    public override string Evaluates => "figures and pictures of the best prior on held-out codes";

    /// <inheritdoc/>
    public override string Samples => "new pictures";

    /// <inheritdoc/>
    public override IReadOnlyList<OptionsSection> Sections =>
    [
        new("data", new DigitsData()),
        new("model", new GatedPixelCnnPrior()),
        new("tokenizer", new TokenizerOptions()),
        new("tokenizer_trainer", TokenizerJob.Defaults),
        new("trainer",
            new TrainerOptions { Steps = 936, BatchSize = 128, ClipNorm = 0, EvaluateEvery = 234, CheckpointEvery = 234, LogEvery = 10 }),
        new("optimization", new OptimizationOptions { Optimizer = new AdamRule { LearningRate = 1e-3 }, Schedule = ConstantSchedule.Flat }),
    ];

    /// <inheritdoc/>
    public override void Check(ResolvedRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        // Known before the tokenizer has been trained for nothing.
        var tokenizer = (TokenizerOptions)recipe.Options["tokenizer"];
        var prior = (CodePriorOptions)recipe.Options["model"];
        if (prior.Condition.IsText && tokenizer.Architecture.SpatialDimensions == 1)
            throw new ArgumentException("model.condition=text: sounds have no captions; use model.condition=none.");
        using var quantizer = tokenizer.Bottleneck.Build();
        CheckScales(quantizer, tokenizer, prior);
        if (!tokenizer.Architecture.HasOneMap && !prior.TakesSequences)
        {
            throw new ArgumentException(
                $"tokenizer.architecture={PartCatalog.NameOf(tokenizer.Architecture.GetType())}: a prior of kind "
                    + $"{PartCatalog.NameOf(prior.GetType())} needs a tokenizer with one map of codes; "
                + "use vq-vae, or a prior that takes any row of codes: transformer, mask-git.");
        }
        if (quantizer.CodebookSizes.Distinct().Count() > 1)
        {
            throw new ArgumentException(
                $"tokenizer.quantizer has stages of {string.Join(", ", quantizer.CodebookSizes)} codes; a prior draws codes of one size: "
                    + $"give all stages the same.");
        }
        CodePriorOptions.Codes(CodeLayout.Digits(quantizer.CodebookSizes, prior.Factors));
    }

    private static void CheckScales(Quantizer quantizer, TokenizerOptions tokenizer, CodePriorOptions prior)
    {
        var (kind, hasScales) = (PartCatalog.NameOf(prior.GetType()), quantizer.Scales.Count > 0);
        if (prior.PredictsScales && !hasScales)
            throw new ArgumentException(
                $"model={kind}: it predicts the codes of scales; tokenizer.quantizer is "
                    + $"{PartCatalog.NameOf(tokenizer.Quantizer.GetType())}. Use tokenizer.quantizer=next-scale, or another prior (cresset "
                    + "list --priors).");
        if (prior.PredictsScales && prior.Factors > 1)
            throw new ArgumentException($"model.factors is {prior.Factors}; a prior of kind {kind} predicts codes whole: leave it out.");
        if (hasScales && !prior.TakesSequences)
            throw new ArgumentException(
                $"tokenizer.quantizer={PartCatalog.NameOf(tokenizer.Quantizer.GetType())}: its codes are those of several scales in one "
                    + $"row, where a prior of kind {kind} finds no neighbours; use next-scale, transformer or mask-git.");
    }

    /// <inheritdoc/>
    public override JobOutcome Evaluate(JobContext context) => PriorOf(Trained(context)).Evaluate();

    /// <inheritdoc/>
    public override JobOutcome Sample(JobContext context, SampleRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return PriorOf(Trained(context), needsExamples: false)
            .Sample(Name, request, (task, _, _) => Draw((CodePriorTask)task, request), task => ((CodePriorTask)task).LastDraw);
    }

    internal static string WeightsOf(JobContext context) => Path.Combine(context.Folder, TokenizerFolder, "model.safetensors");

    /// <inheritdoc/>
    protected override JobOutcome Work(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!File.Exists(WeightsOf(context)))
        {
            context.Progress?.Report(new NoticeReport("Stage 1 of 2: the tokenizer."));
            if (!TokenizerOf(context, context.Stage(TokenizerFolder)).Train(task => StateDict.Save(
                task.Module, WeightsOf(context),
                ModelFile.Metadata("tokenizer", context.Options<TokenizerOptions>("tokenizer"),
                    ((TokenizerTask)task).Data.Facts))).Completed) return JobOutcome.Stopped;
            context.Progress?.Report(new NoticeReport("Stage 2 of 2: the prior over its codes."));
        }
        return PriorOf(context).Train(task =>
        {
            var metadata = new Dictionary<string, string>
            {
                ["format"] = "pt",
                [CodePriorRun.ClassesKey] = ((CodePriorTask)task).Classes.ToString(CultureInfo.InvariantCulture)
            };
            StateDict.Save(task.Module, Path.Combine(context.Folder, "model.safetensors"), metadata);
        });
    }

    /// <inheritdoc/>
    protected internal override void CheckChanges(JobContext context, IReadOnlyCollection<string> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        if (File.Exists(WeightsOf(context))
            && changed.FirstOrDefault(
                key => key.StartsWith("tokenizer", StringComparison.Ordinal) || key.StartsWith("data", StringComparison.Ordinal))
                is { } late)
            throw new ConfigException(ConfigSource.CommandLine,
                $"{late} cannot change any more: the run's tokenizer is trained, and its prior learns its codes. Start a new run.");
    }

    private static JobContext Trained(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return File.Exists(WeightsOf(context)) ? context
            : throw new InvalidDataException(
                $"{WeightsOf(context)} is missing: the run stopped before its tokenizer was ready. Resume it first.");
    }

    internal override IDisposable? Prepare(JobContext context)
    {
        // What the prior's trainer would refuse is known before the tokenizer has been trained for it: only sizes of the prior are still to
        // come.
        using (var generator = new Generator(0))
        using (var prior = context.Options<CodePriorOptions>("model").Build(2, 0, 1, 1, generator))
            Trainer.Check(prior.Module, context.Options<TrainerOptions>("trainer"), context.Options<OptimizationOptions>("optimization"));
        return TokenizerOf(context, context).Prepare();
    }

    private static TrainingStage TokenizerOf(JobContext context, JobContext stage)
    {
        var trainer = context.Options<TrainerOptions>("tokenizer_trainer");
        return new TrainingStage(
            stage, () => CreateTokenizer(context, trainer), trainer, TokenizerJob.OptimizationDefaultsOf,
            task => RunData.Compare(context, ((TokenizerTask)task).Data));
    }

    private static TrainingStage PriorOf(JobContext context, bool needsExamples = true)
    {
        var trainer = context.Options<TrainerOptions>("trainer");
        return new TrainingStage(
            context.LastStage(TokenizerFolder), () => CreateTask(context, trainer, needsExamples), trainer,
            context.Options<OptimizationOptions>("optimization"), task =>
            {
                var data = ((CodePriorTask)task).Data;
                if (!LateExamples.Are(data)) RunData.Compare(context, data);
            });
    }

    void IUpgradesRecipes.Upgrade(ConfigMap recipe)
    {
        OldDataKeys.Move(recipe, "tokenizer");
        OldTokenizerKeys.Move(recipe, "tokenizer");
        OldPriorKeys.Move(recipe);
        // A run of version 0.1 stored MaskGIT's option with every kind of prior.
        if (recipe["model"] is ConfigMap model && model[SamplingSteps] is { } steps && EarlierPart.IsStored(steps)
            && BuiltInParts.Catalog.Find("prior", (model[ConfigMap.Kind] as ConfigText)?.Value ?? "")?.Type != typeof(MaskGitPrior))
            model.Remove(SamplingSteps);
    }

    string? IUpgradesRecipes.Earlier(string key) => OldTokenizerKeys.Keys.Contains(key) ? $"tokenizer.{key}"
        : OldPriorKeys.Keys.Contains(key) ? $"model.{key}" : null;

    // Both stages open the data alike, so that what the run notes of them holds for both.
    private static DataSplit OpenData(JobContext context)
    {
        var use = TokenizerJob.UseOf(context.Options<TokenizerOptions>("tokenizer"));
        return context.Options<DataSource>("data")
            .Open(context.Options<CodePriorOptions>("model").Condition.IsText ? use with { Target = TargetKind.Caption } : use);
    }

    private static TokenizerTask CreateTokenizer(JobContext context, TrainerOptions trainer)
    {
        var data = OpenData(context);
        try
        {
            return new TokenizerTask(context.Options<TokenizerOptions>("tokenizer"), data, trainer.Seed);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private static CodePriorTask CreateTask(JobContext context, TrainerOptions trainer, bool needsExamples)
    {
        var options = context.Options<TokenizerOptions>("tokenizer");
        var data = (needsExamples ? null : RunData.Kept(context, () => OpenData(context))) ?? OpenData(context);
        try
        {
            using var generator = new Generator(0);
            var tokenizer = options.Build((int)data.Facts.Shape[0], generator);
            StateDict.Load(tokenizer, WeightsOf(context));
            return new CodePriorTask(context.Options<CodePriorOptions>("model"), tokenizer, data, options.Padding, trainer.Seed);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private static Drawing Draw(CodePriorTask prior, SampleRequest request)
    {
        var count = request.Count > 0 ? request.Count : prior.IsConditional ? 8 : 64;
        return prior.Draw(count, request.Conditions ?? [], request.Temperature, request.Seed, request.Guidance);
    }
}
