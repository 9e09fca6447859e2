using Cresset.Data;
using Cresset.Quantization;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The tokenizer of a finished run (of a tokenizer recipe, or the first stage of a prior's), ready to encode and decode.</summary>
public sealed class TokenizerRun : IDisposable
{
    private readonly TokenizerOptions _options;

    private TokenizerRun(Tokenizer model, TokenizerOptions options, int channels, string id, string weights)
        => (Model, _options, Channels, Id, WeightsFile) = (model, options, channels, id, weights);

    /// <summary>The autoencoder, in evaluation mode.</summary>
    public Tokenizer Model { get; }

    /// <summary>Channels of its pictures.</summary>
    public int Channels { get; }

    /// <summary>Height and width of its training pictures.</summary>
    public int Size { get; private init; }

    /// <summary>The run's id.</summary>
    public string Id { get; }

    /// <summary>The file its weights came from.</summary>
    public string WeightsFile { get; }

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
        var (channels, size) = Pictures(weights, (DataSource)recipe.Options["data"]);
        using var generator = new Generator(0);
        var model = options.Build(channels, generator);
        StateDict.Load(model, weights);
        model.eval();
        return new TokenizerRun(model, options, channels, info.Id, weights) { Size = size };
    }

    private int PaddedSize => Size + (2 * _options.Padding);

    /// <summary>Positions of the codes of one picture: [h, w], or [n] when a tokenizer of several levels lays them one after the other, the coarsest first.</summary>
    public IReadOnlyList<long> Positions
    {
        get
        {
            long[] sides = [.. Model.Strides.Select(stride => (long)PaddedSize / stride)];
            return sides.Length == 1 ? [sides[0], sides[0]] : [sides.Sum(side => side * side)];
        }
    }

    /// <summary>Sizes of the codebooks of a position.</summary>
    public IReadOnlyList<long> CodebookSizes => Model.Quantizers[0].CodebookSizes;

    /// <summary>Codes of pictures [N, C, H, W]: N times the positions, stages innermost.</summary>
    public long[] Encode(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var border = _options.Padding;
        var levels = Model.Encode(border == 0 ? pictures : nn.functional.pad(pictures, [border, border, border, border]));
        return cat([.. levels.Select(level => level.reshape(level.size(0), -1))], 1).data<long>().ToArray();
    }

    /// <summary>Pictures [N, C, H, W] in [0, 1] of codes laid out as <see cref="Encode"/> gives them.</summary>
    public Tensor Decode(long[] codes)
    {
        ArgumentNullException.ThrowIfNull(codes);
        using var scope = NewDisposeScope();
        var stages = CodebookSizes.Count;
        var each = Positions.Aggregate(1L, (a, b) => a * b) * stages;
        var all = tensor(codes, [codes.Length / each, each]);
        var levels = new List<Tensor>();
        var start = 0L;
        foreach (var side in Model.Strides.Select(stride => PaddedSize / stride))
        {
            var length = (long)side * side * stages;
            var part = all.narrow(1, start, length);
            levels.Add(stages == 1 ? part.reshape(-1, side, side) : part.reshape(-1, side, side, stages));
            start += length;
        }
        var pictures = Model.Decode(levels).clamp(0, 1);
        return pictures.narrow(2, _options.Padding, Size).narrow(3, _options.Padding, Size).contiguous().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    // Files of the first version do not say; their data sets do.
    private static (int Channels, int Size) Pictures(string weights, DataSource source)
    {
        using var file = SafetensorsFile.Open(weights);
        if (file.Metadata.TryGetValue(DataFacts.MetadataKey, out var json) && DataFacts.Parse(json, weights) is { } facts) return ((int)facts.Shape[0], (int)facts.Shape[1]);
        return source.PictureShape is { } shape ? (shape.Channels, shape.Height) : throw new InvalidDataException($"{weights} does not say what its pictures are like. Train the run again.");
    }
}
