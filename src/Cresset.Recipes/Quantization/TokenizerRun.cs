using Cresset.Quantization;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The tokenizer of a finished run (of a tokenizer recipe, or the first stage of a prior's), ready to encode and decode.</summary>
public sealed class TokenizerRun : IDisposable
{
    private TokenizerRun(VqVae model, int channels, int size, string id) => (Model, Channels, Size, Id) = (model, channels, size, id);

    /// <summary>The autoencoder, in evaluation mode.</summary>
    public VqVae Model { get; }

    /// <summary>Channels of its pictures.</summary>
    public int Channels { get; }

    /// <summary>Height and width of its training pictures.</summary>
    public int Size { get; }

    /// <summary>The run's id.</summary>
    public string Id { get; }

    /// <summary>Opens the tokenizer of a run.</summary>
    /// <exception cref="InvalidDataException">The run is of another kind, or not finished.</exception>
    public static TokenizerRun Open(RunStore store, string run)
    {
        ArgumentNullException.ThrowIfNull(store);
        var info = store.Find(run);
        var recipe = new RecipeRunner(store, new RecipeCatalog()).RecipeOf(info);
        var section = recipe.Job is TokenizerJob ? "model" : recipe.Job is CodePriorJob ? "tokenizer" : throw new InvalidDataException($"Run {info.Id} is of the job '{recipe.Job.Name}', which has no tokenizer; name a run of 'tokenizer' or 'code-prior'.");
        var weights = Path.Combine(info.Folder, recipe.Job is TokenizerJob ? "model.safetensors" : Path.Combine("tokenizer", "model.safetensors"));
        if (!File.Exists(weights)) throw new InvalidDataException($"{weights} is missing: the run has not finished. Resume it first.");
        var options = (TokenizerOptions)recipe.Options[section];
        var (channels, size) = options.Data switch { "digits" => (1, 8), "fashion" => (1, 28), _ => (options.Channels, options.Size) };
        using var generator = new Generator(0);
        var model = options.Build(channels, generator);
        StateDict.Load(model, weights);
        model.eval();
        return new TokenizerRun(model, channels, size, info.Id);
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
