using System.Globalization;
using Cresset.Data;
using Cresset.Quantization;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The prior of a finished run of a prior's recipe, with the tokenizer whose codes it knows, ready to code files.</summary>
public sealed class CodePriorRun : IDisposable
{
    internal const string ClassesKey = "cresset.classes";
    private readonly CodeModel _model;

    private readonly CodeLayout _layout;
    private readonly CodePriorOptions _options;
    private readonly PriorWords? _words;

    private CodePriorRun(CodeModel model, CodeLayout layout, CodePriorOptions options, PriorWords? words, TokenizerRun tokenizer, string id)
        => (_model, _layout, _options, _words, Tokenizer, Id) = (model, layout, options, words, tokenizer, id);

    /// <summary>The prior that gives probabilities of each code given those before it, in evaluation mode.</summary>
    /// <exception cref="InvalidDataException">The model gives none (MaskGIT), or of digits of a code.</exception>
    public CodePrior Prior => _model is not RasterCodeModel raster
        ? throw new InvalidDataException(
            $"Run {Id} is a MaskGIT or makes stages together, which gives no probability of a code given those before it; name a run of "
                + $"another prior (cresset list --priors).")
        : _options.Factors > 1
        ? throw new InvalidDataException(
            $"Run {Id} predicts codes in {_options.Factors} digits (factors); files are coded by priors that predict them whole.")
            : raster.Prior;

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => _model.Classes;

    /// <summary>The tokenizer it was trained with.</summary>
    public TokenizerRun Tokenizer { get; }

    /// <summary>The run's id.</summary>
    public string Id { get; }

    /// <summary>Opens the prior of a run.</summary>
    /// <exception cref="InvalidDataException">The run is of another kind, or not finished.</exception>
    public static CodePriorRun Open(RunStore store, string run, RecipeCatalog? recipes = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Open(store.Find(run), recipes);
    }

    /// <summary>Opens the prior of a run.</summary>
    /// <param name="info">The run.</param>
    /// <param name="recipes">Recipes over the parts that it may name; the built-in ones when null.</param>
    /// <exception cref="InvalidDataException">The run is of another kind, or not finished.</exception>
    public static CodePriorRun Open(RunInfo info, RecipeCatalog? recipes = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        var recipe = new RecipeRunner(null, recipes ?? new RecipeCatalog()).RecipeOf(info);
        if (recipe.Job is not CodePriorJob)
            throw new InvalidDataException(
                $"Run {info.Id} is of the job '{recipe.Job.Name}', which has no prior; name a run of 'code-prior' such as "
                    + $"pixelcnn-fashion.");
        var weights = Path.Combine(info.Folder, "model.safetensors");
        if (!File.Exists(weights)) throw new InvalidDataException($"{weights} is missing: the run has not finished. Resume it first.");
        var tokenizer = TokenizerRun.Open(info, recipes);
        CodeModel? model = null;
        PriorWords? words = null;
        try
        {
            var options = (CodePriorOptions)recipe.Options["model"];
            int classes;
            using (var file = SafetensorsFile.Open(weights))
            {
                if (!file.Metadata.TryGetValue(ClassesKey, out var text)
                    || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out classes))
                    throw new InvalidDataException(
                        $"{weights}: the metadata lacks '{ClassesKey}', the number of classes of the prior. Train it again with this "
                            + $"version.");
            }
            using var generator = new Generator(0);
            var layout = CodeLayout.Of(tokenizer.Model, tokenizer.Sides, options.Factors);
            if (options.Condition.IsText) words = PriorWords.Of(Facts(tokenizer.WeightsFile));
            model = options.Build(layout.Codes, classes, layout.Height, layout.Width, generator, layout.Stages, layout.Scales,
                words?.Tokenizer);
            StateDict.Load(model.Module, weights);
            model.Module.eval();
            return new CodePriorRun(model, layout, options, words, tokenizer, info.Id);
        }
        catch
        {
            model?.Dispose();
            words?.Dispose();
            tokenizer.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fills a hole of a picture of the training's size: its codes stay where <paramref name="keeps"/> says so, the others are drawn.
    /// </summary>
    /// <param name="picture">The picture [1, C, H, W].</param>
    /// <param name="keeps">Whether the code at a row and column of the map stays.</param>
    /// <param name="count">Pictures.</param>
    /// <param name="label">The class; null where there are none.</param>
    /// <param name="temperature">Temperature of the codes.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="prompt">What the picture shows, for a prior that is told captions, which needs it; else null.</param>
    /// <returns>Pictures [count, C, H, W] in 0..1.</returns>
    /// <exception cref="ArgumentException">The prior cannot fill such a hole, the picture is of another size, or a class or prompt is
    /// missing, not known or not wanted.</exception>
    public Tensor Complete(Tensor picture, Func<long, long, bool> keeps, int count, int? label, double temperature, ulong seed,
        string? prompt = null)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(keeps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (_words is null != prompt is null)
            throw new ArgumentException(_words is null ? "The prior is told no captions; leave the prompt out."
                : $"The prior is told what a picture shows; give a prompt such as \"{_words.Prompt(0)}\".", nameof(prompt));
        if (Classes == 0 != label is null)
            throw new ArgumentException(Classes == 0 ? "The prior has no classes; name none."
                : $"The prior is conditioned on {Classes} classes; name one.", nameof(label));
        if (label is { } number && (number < 0 || number >= Classes))
            throw new ArgumentException($"Class {number} is out of range; allowed: 0 to {Classes - 1}.", nameof(label));
        if (picture.size(2) != Tokenizer.Size || picture.size(3) != Tokenizer.Size)
            throw new ArgumentException(
                $"The picture has {picture.size(3)}x{picture.size(2)} pixels; the prior knows maps of pictures of "
                    + $"{Tokenizer.Size}x{Tokenizer.Size}.", nameof(picture));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var border = Tokenizer.Border;
        var codes = _layout.Join(
            Tokenizer.Model.Encode(border == 0 ? picture : nn.functional.pad(picture, [border, border, border, border])));
        using var kept = tensor(_layout.Keeps(keeps), [1, _layout.Height, _layout.Width]);
        var known = codes.masked_fill(kept.logical_not(), -1).expand(count, -1, -1).contiguous();
        var condition = prompt is not null ? _words!.Ids([prompt]).repeat_interleave(count, 0)
            : label is null ? null : full([count], (long)label, dtype: ScalarType.Int64);
        var maps = _model.Sample(count, _layout.Height, _layout.Width, seed, condition,
            new() { Temperature = temperature, TopK = _options.TopK, TopP = _options.TopP }, known);
        var pictures = Tokenizer.Model.Decode(_layout.Split(maps)).clamp(0, 1);
        return pictures.narrow(2, border, Tokenizer.Size).narrow(3, border, Tokenizer.Size).contiguous().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        _words?.Dispose();
        Tokenizer.Dispose();
    }

    private static DataFacts Facts(string weights)
    {
        using var file = SafetensorsFile.Open(weights);
        return file.Metadata.TryGetValue(DataFacts.MetadataKey, out var json) ? DataFacts.Parse(json, weights)
            : throw new InvalidDataException(
                $"{weights}: the metadata lacks '{DataFacts.MetadataKey}', which has the words that the prior knows. Train it again.");
    }
}
