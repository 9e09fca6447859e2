using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Fine-tunes the transformer of a checkpoint, all of it or low-rank changes, on cached latents and embeddings.</summary>
internal sealed class Sd3FineTuneTask : ITrainingTask
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"];

    private readonly Sd3FineTuneOptions _options;
    private readonly RectifiedFlowOptions _flow;
    private readonly MmDit _transformer;
    private readonly VaeOptions _vae;
    private readonly TrainableLora? _lora;
    private readonly TrainingCache _cache;
    private readonly TensorDataset _indices;
    private readonly List<string> _notes = [];

    /// <summary>Loads the checkpoint, encodes pictures and captions where the cache is not there yet, and frees the encoders.</summary>
    public Sd3FineTuneTask(Sd3FineTuneOptions options, ulong seed)
    {
        _options = options.ThrowIfInvalid();
        _flow = new RectifiedFlowOptions { Times = new TrainingTimes(options.Times), Weighting = options.Weighting, Shift = options.Shift };
        var cachePath = options.Cache.Length > 0 ? options.Cache : Path.Combine(options.Pictures, "cache.safetensors");
        // What can be wrong with the pictures is told before the checkpoint is read.
        var pictures = Pictures();
        var model = StableDiffusion3.Load(options.Checkpoint, LoadOptions(options));
        try
        {
            // Training with zeros in the place of a text encoder by mistake would be found out weeks later.
            if (model.Text.T5 is null && !options.NoT5)
                throw new InvalidDataException(
                    $"{model.Notes.FirstOrDefault(n => n.StartsWith("T5", StringComparison.Ordinal)) ?? "T5 is left out"}: name model.t5 "
                        + $"and model.t5_tokenizer, or train without it on purpose by model.no_t5=true.");
            foreach (var (encoder, name, key) in new[] { (model.Text.ClipL, "CLIP-L", "clip_l"), (model.Text.ClipG, "CLIP-G", "clip_g") })
            {
                if (encoder is null)
                    throw new InvalidDataException(
                        $"{options.Checkpoint} does not have {name}: name its file or folder by model.{key}=PATH.");
            }
            _notes.AddRange(model.Notes);
            Prepare(model, pictures, cachePath);
            _vae = model.Vae.Options;
            _transformer = model.Transformer;
        }
        catch
        {
            model.Transformer.Dispose();
            throw;
        }
        finally
        {
            // Only the transformer is needed from here on.
            model.Text.Dispose();
            model.Vae.Dispose();
        }
        _cache = TrainingCache.Open(cachePath);
        using var generator = new Generator(seed);
        if (options.Reach == FineTuneReach.Lora) _lora = new TrainableLora(_transformer, options.Rank, null, generator);
        else foreach (var parameter in _transformer.parameters()) parameter.requires_grad_(true);
        _indices = new TensorDataset(arange(_cache.Count, ScalarType.Int64).DetachFromDisposeScope());
    }

    /// <summary>What the user should know of the checkpoint and the pictures.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <inheritdoc/>
    public nn.Module Module => _lora is null ? _transformer : _lora;

    /// <inheritdoc/>
    public IDataset TrainingData => _indices;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("loss", HigherIsBetter: false);

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return LossOf(batch.Inputs, step.Generator, step.Device, _options.CaptionDropout);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var count = Math.Min(16, (int)_cache.Count);
        // One picture at a time, which ranks share and small memories hold.
        var losses = context.Share(count,
            (picture, stream) => [LossOf(full(1, picture, ScalarType.Int64), stream, context.Device, 0).ToDouble()]);
        return new Dictionary<string, double> { ["loss"] = losses.Average(l => l[0]) };
    }

    /// <summary>Saves the trained changes as a LoRA file, or the transformer.</summary>
    public void Export(string folder)
    {
        if (_lora is null)
        {
            Cresset.Tensors.StateDict.Save(_transformer, Path.Combine(folder, "transformer.safetensors"));
            return;
        }
        using var adapter = _lora.ToAdapter("trained");
        adapter.Save(Path.Combine(folder, "lora.safetensors"));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lora?.Dispose();
        _transformer.Dispose();
        _cache.Dispose();
        _indices.Dispose();
    }

    private Tensor LossOf(Tensor indices, Generator generator, Device device, double dropout)
    {
        using var scope = NewDisposeScope();
        var (latents, context, pooled) = _cache.Draw(indices.cpu(), _vae, dropout, generator);
        return RectifiedFlowLoss.Draw(_transformer, latents.to(device), context.to(device), pooled.to(device), _flow, generator)
            .MoveToOuterDisposeScope();
    }

    private static LoadOptions LoadOptions(Sd3FineTuneOptions options)
    {
        static string? Given(string path) => path.Length > 0 ? path : null;
        return new LoadOptions
        {
            Dtype = options.Reach == FineTuneReach.Full ? ScalarType.Float32 : null,
            KeepPacked = false,
            VaePath = Given(options.Vae),
            ClipLPath = Given(options.ClipL),
            ClipGPath = Given(options.ClipG),
            T5Path = Given(options.T5),
            ClipLTokenizerPath = Given(options.ClipLTokenizer),
            ClipGTokenizerPath = Given(options.ClipGTokenizer),
            T5TokenizerPath = Given(options.T5Tokenizer),
            SkipT5 = options.NoT5,
        };
    }

    private List<(string File, string Caption)> Pictures()
    {
        if (!Directory.Exists(_options.Pictures))
            throw new DirectoryNotFoundException($"The folder of pictures {_options.Pictures} is not there.");
        var files = Directory.GetFiles(_options.Pictures)
            .Where(f => Endings.Contains(Path.GetExtension(f).ToLowerInvariant()) && !Path.GetFileName(f).StartsWith('.'))
            .Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0) throw new DataMismatchException($"{_options.Pictures} holds no pictures ({string.Join(", ", Endings)}).");
        List<(string File, string Caption)> pictures = [
            .. files.Select(
                f => (f,
                    Path.ChangeExtension(f, ".txt") is var text && File.Exists(text) ? Utf8Text.Read(text).Trim() : _options.Caption))];
        List<string> bare = [.. pictures.Where(p => p.Caption.Length == 0).Select(p => Path.GetFileName(p.File))];
        if (bare.Count > 0)
            _notes.Add(
                $"{bare.Count} of {files.Count} pictures ({string.Join(", ", bare.Take(3))}{(bare.Count > 3 ? ", ..." : "")}) have no "
                    + "caption and will be learned without words: write a .txt file beside each, or name one for all by model.caption.");
        return pictures;
    }

    private void Prepare(StableDiffusion3 model, List<(string File, string Caption)> pictures, string cachePath)
    {
        List<string> files = [.. pictures.Select(p => p.File)], captions = [.. pictures.Select(p => p.Caption)];
        var fingerprint = TrainingCache.FingerprintOf(model, files, captions,
            FormattableString.Invariant($"upright middle square of {_options.Size} on white"), _options.T5Length);
        if (File.Exists(cachePath))
        {
            using var old = TrainingCache.Open(cachePath);
            if (old.Fingerprint == fingerprint) return;
        }
        TrainingCache.Build(model, files.Select(Load), captions, cachePath, _options.T5Length, fingerprint);
    }

    // The middle square, scaled.
    private Tensor Load(string path)
    {
        // Upright as EXIF says, on white where it is transparent.
        var picture = PicturePlanes.Load(path);
        using var scope = NewDisposeScope();
        var side = Math.Min(picture.Width, picture.Height);
        var pixels = tensor(picture.Values, [1, 3, picture.Height, picture.Width]).narrow(2, (picture.Height - side) / 2, side)
            .narrow(3, (picture.Width - side) / 2, side);
        var scaled = Upsample.Apply(pixels, [_options.Size, _options.Size], mode: ResizeMode.Bicubic, antialias: true).clamp(0, 1);
        return scaled.MoveToOuterDisposeScope();
    }
}
