using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The tokenizer of a finished run (of a tokenizer recipe, or the first stage of a prior's), ready to encode and decode.</summary>
public sealed class TokenizerRun : IDisposable
{
    private const string IdKey = "cresset.id";
    private const string PicturesKey = "cresset.pictures";
    private const string SoundsKey = "cresset.sounds";
    private readonly TokenizerOptions _options;

    private TokenizerRun(Tokenizer model, TokenizerOptions options, int channels, string id, string weights)
        => (Model, _options, Channels, Id, WeightsFile) = (model, options, channels, id, weights);

    /// <summary>The autoencoder, in evaluation mode.</summary>
    public Tokenizer Model { get; }

    /// <summary>Channels of its pictures or sounds.</summary>
    public int Channels { get; }

    /// <summary>Height and width of its training pictures, or samples of its training sounds.</summary>
    public int Size { get; private init; }

    /// <summary>Samples per second of its sounds; 0 for a tokenizer of pictures.</summary>
    public int Rate { get; private init; }

    /// <summary>The run's id.</summary>
    public string Id { get; }

    /// <summary>The file its weights came from.</summary>
    public string WeightsFile { get; }

    /// <summary>Opens the tokenizer of a run.</summary>
    /// <exception cref="InvalidDataException">The run is of another kind, or not finished.</exception>
    public static TokenizerRun Open(RunStore store, string run, RecipeCatalog? recipes = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Open(store.Find(run), recipes);
    }

    /// <summary>Opens the tokenizer of a run.</summary>
    /// <param name="info">The run.</param>
    /// <param name="recipes">Recipes over the parts that it may name; the built-in ones when null.</param>
    /// <exception cref="InvalidDataException">The run is of another kind, or not finished.</exception>
    public static TokenizerRun Open(RunInfo info, RecipeCatalog? recipes = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        var recipe = new RecipeRunner(null, recipes ?? new RecipeCatalog()).RecipeOf(info);
        var section = recipe.Job is TokenizerJob ? "model" : recipe.Job is CodePriorJob ? "tokenizer"
            : throw new InvalidDataException(
                $"Run {info.Id} is of the job '{recipe.Job.Name}', which has no tokenizer; name a run of 'tokenizer' or 'code-prior'.");
        var weights = Path.Combine(info.Folder,
            recipe.Job is TokenizerJob ? "model.safetensors" : Path.Combine("tokenizer", "model.safetensors"));
        if (!File.Exists(weights)) throw new InvalidDataException($"{weights} is missing: the run has not finished. Resume it first.");
        var options = (TokenizerOptions)recipe.Options[section];
        var (channels, size, rate) = Inputs(weights, (DataSource)recipe.Options["data"]);
        using var generator = new Generator(0);
        var model = options.Build(channels, generator);
        StateDict.Load(model, weights);
        model.eval();
        return new TokenizerRun(model, options, channels, info.Id, weights) { Size = size, Rate = rate };
    }

    /// <summary>
    /// Opens a tokenizer by itself: a file of <see cref="Save"/>, or the model.safetensors of a run wherever it was copied to. No run is
    /// needed.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="parts">Parts that its options may name; the built-in ones when null.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or does not say what tokenizer it holds.</exception>
    public static TokenizerRun OpenFile(string path, PartCatalog? parts = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(ModelFile.JobKey, out var job) || job != "tokenizer"
            || !file.Metadata.TryGetValue(ModelFile.OptionsKey, out var yaml))
            throw new InvalidDataException(
                $"{path} does not say that it holds a tokenizer: name a run, or a file that 'cresset vq export RUN' wrote.");
        // Options as earlier versions wrote them are read as those of a recipe are.
        var recipe = new ConfigMap(new ConfigSource(path, 0));
        recipe.Set("model", ConfigNode.Parse(yaml, path));
        ((IUpgradesRecipes)new TokenizerJob()).Upgrade(recipe);
        var options = (TokenizerOptions)new OptionsBinder(parts ?? BuiltInParts.Catalog)
            .Bind(new TokenizerOptions(), recipe["model"]!, "model", new ConfigSource(path, 0));
        var (channels, size, rate) = Inputs(path, null);
        using var generator = new Generator(0);
        var model = options.Build(channels, generator);
        try
        {
            StateDict.Load(model, file);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        model.eval();
        return new TokenizerRun(model, options, channels, file.Metadata.GetValueOrDefault(IdKey, Path.GetFileNameWithoutExtension(path)),
            path)
        { Size = size, Rate = rate };
    }

    /// <summary>A tokenizer that was made in memory, such as one with the weights of another program; it is owned from then on.</summary>
    internal static TokenizerRun Of(Tokenizer model, TokenizerOptions options, int channels, int size, int rate, string id)
    {
        model.eval();
        return new TokenizerRun(model, options, channels, id, "") { Size = size, Rate = rate };
    }

    /// <summary>Writes the tokenizer to one safetensors file that tells everything needed to use it, for <see cref="OpenFile"/>.</summary>
    public void Save(string path) => StateDict.Save(Model, path, new Dictionary<string, string>
    {
        ["format"] = "pt",
        [ModelFile.JobKey] = "tokenizer",
        [ModelFile.OptionsKey] = ConfigYaml.Write(OptionsWriter.Write(_options)),
        [IdKey] = Id,
        [Rate > 0 ? SoundsKey : PicturesKey] = Rate > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Channels} {Size} {Rate}")
            : string.Create(CultureInfo.InvariantCulture, $"{Channels} {Size}"),
    });

    /// <summary>Whether the weights of two tokenizers are the same bits.</summary>
    public bool HasWeightsOf(TokenizerRun other)
    {
        ArgumentNullException.ThrowIfNull(other);
        using var scope = NewDisposeScope();
        var (ours, theirs) = (Model.state_dict(), other.Model.state_dict());
        return ours.Count == theirs.Count
            && ours.All(
                pair => theirs.TryGetValue(pair.Key, out var tensor) && pair.Value.shape.SequenceEqual(tensor.shape)
                    && pair.Value.eq(tensor).all().ToBoolean());
    }

    /// <summary>Pixels of black on every side, as in training.</summary>
    public int Border => _options.Padding;

    /// <summary>Sides of a training example as the tokenizer sees it: [H, W] with the border, or [L].</summary>
    internal IReadOnlyList<long> Sides => Rate > 0 ? [Size] : [PaddedSize, PaddedSize];

    private int PaddedSize => Size + (2 * _options.Padding);

    /// <summary>
    /// Positions of the codes of a training picture: [h, w], or [n] when a tokenizer of several levels lays them one after the other, the
    /// coarsest first.
    /// </summary>
    public IReadOnlyList<long> Positions => Rate > 0 ? [PositionsOf((long)Size)] : PositionsOf(Size, Size);

    /// <summary>Positions of the codes of a sound of that many samples at <see cref="Rate"/>.</summary>
    public long PositionsOf(long samples) => (samples + Model.Strides[0] - 1) / Model.Strides[0];

    /// <summary>Kilobits per second of one channel's first stages of codes.</summary>
    /// <exception cref="InvalidOperationException">The tokenizer is one of pictures.</exception>
    public double Kilobits(int stages) => Rate > 0
        ? BitRate.KilobitsPerSecond((double)Rate / Model.Strides[0], [.. CodebookSizes.Take(stages)])
        : throw new InvalidOperationException($"{Id} codes pictures, which take no time.");

    /// <summary>Positions of the codes of a picture of any size.</summary>
    public IReadOnlyList<long> PositionsOf(int height, int width)
    {
        var (rows, columns) = Padded(height, width);
        var shapes = Model.CodeShapes([rows, columns]);
        return shapes.Count == 1 ? shapes[0] : [shapes.Sum(shape => shape.Aggregate(1L, (a, b) => a * b))];
    }

    /// <summary>Rows and columns of a picture with the border of training and what the strides need.</summary>
    internal (long Height, long Width) Padded(int height, int width)
    {
        var stride = Model.Strides.Max();
        long Up(int size) => ((long)size + (2 * Border) + stride - 1) / stride * stride;
        return (Up(height), Up(width));
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
        if (Rate > 0) throw new InvalidOperationException($"{Id} codes sounds: use SoundCodec.");
        using var scope = NewDisposeScope();
        var stages = CodebookSizes.Count;
        var each = Positions.Aggregate(1L, (a, b) => a * b) * stages;
        var all = tensor(codes, [codes.Length / each, each]);
        var levels = new List<Tensor>();
        var start = 0L;
        foreach (var shape in Model.CodeShapes(Sides))
        {
            var length = (int)shape.Aggregate((long)stages, (a, b) => a * b);
            var part = all.narrow(1, start, length);
            levels.Add(stages == 1 ? part.reshape([-1, .. shape]) : part.reshape([-1, .. shape, stages]));
            start += length;
        }
        var pictures = Model.Decode(levels).clamp(0, 1);
        return pictures.narrow(2, _options.Padding, Size).narrow(3, _options.Padding, Size).contiguous().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    // Files of the first version do not say; their data sets do.
    private static (int Channels, int Size, int Rate) Inputs(string weights, DataSource? source)
    {
        using var file = SafetensorsFile.Open(weights);
        foreach (var (key, count, example) in new[] { (PicturesKey, 2, "channels and size, such as \"3 64\""),
            (SoundsKey, 3, "channels, samples and rate, such as \"1 4096 8000\"") })
        {
            if (!file.Metadata.TryGetValue(key, out var text)) continue;
            int[] numbers = [.. text.Split(' ')
                .Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)];
            if (numbers.Length == count && numbers.All(n => n >= 1) && numbers[0] <= 1024)
                return (numbers[0], numbers[1], count == 3 ? numbers[2] : 0);
            throw new InvalidDataException($"{weights}: the metadata '{key}' is \"{text}\"; expected {example}.");
        }
        if (file.Metadata.TryGetValue(DataFacts.MetadataKey, out var json) && DataFacts.Parse(json, weights) is { } facts)
            return ((int)facts.Shape[0], (int)facts.Shape[1], facts.Sound?.Rate ?? 0);
        return source?.PictureShape is { } shape ? (shape.Channels, shape.Height, 0)
            : throw new InvalidDataException($"{weights} does not say what its pictures or sounds are like. Train the run again.");
    }
}
