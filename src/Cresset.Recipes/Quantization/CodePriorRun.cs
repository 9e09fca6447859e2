using System.Globalization;
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

    private CodePriorRun(CodeModel model, CodePrior prior, TokenizerRun tokenizer, string id) => (_model, Prior, Tokenizer, Id) = (model, prior, tokenizer, id);

    /// <summary>The prior, in evaluation mode.</summary>
    public CodePrior Prior { get; }

    /// <summary>The tokenizer it was trained with.</summary>
    public TokenizerRun Tokenizer { get; }

    /// <summary>The run's id.</summary>
    public string Id { get; }

    /// <summary>Opens the prior of a run.</summary>
    /// <exception cref="InvalidDataException">The run is of another kind, not finished, or its model gives no probabilities in raster order (MaskGIT).</exception>
    public static CodePriorRun Open(RunStore store, string run)
    {
        ArgumentNullException.ThrowIfNull(store);
        var info = store.Find(run);
        var recipe = new RecipeRunner(store, new RecipeCatalog()).RecipeOf(info);
        if (recipe.Job is not CodePriorJob) throw new InvalidDataException($"Run {info.Id} is of the job '{recipe.Job.Name}', which has no prior; name a run of 'code-prior' such as pixelcnn-fashion.");
        var weights = Path.Combine(info.Folder, "model.safetensors");
        if (!File.Exists(weights)) throw new InvalidDataException($"{weights} is missing: the run has not finished. Resume it first.");
        var tokenizer = TokenizerRun.Open(store, info.Id);
        CodeModel? model = null;
        try
        {
            var options = (CodePriorOptions)recipe.Options["model"];
            int classes;
            using (var file = SafetensorsFile.Open(weights))
            {
                if (!file.Metadata.TryGetValue(ClassesKey, out var text) || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out classes)) throw new InvalidDataException($"{weights}: the metadata lacks '{ClassesKey}', the number of classes of the prior. Train it again with this version.");
            }
            using var generator = new Generator(0);
            var (height, width) = ((int)tokenizer.Positions[0], (int)tokenizer.Positions[1] * tokenizer.CodebookSizes.Count);
            model = options.Build(CodePriorOptions.Codes(tokenizer.Model.Quantizers[0]), classes, height, width, generator);
            if (model is not RasterCodeModel raster) throw new InvalidDataException($"Run {info.Id} is a MaskGIT, which gives no probability of a code given those before it; name a run of another prior (cresset list --priors).");
            StateDict.Load(model.Module, weights);
            model.Module.eval();
            return new CodePriorRun(model, raster.Prior, tokenizer, info.Id);
        }
        catch
        {
            model?.Dispose();
            tokenizer.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        Tokenizer.Dispose();
    }
}
