using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

public sealed partial class StableDiffusion3
{
    /// <summary>
    /// Loads a diffusers folder (sharded or not) or a single file of Stability's (safetensors or GGUF, with or without text
    /// encoders). Weights are mapped, not copied, where the element type may stay.
    /// </summary>
    /// <param name="path">Folder or file.</param>
    /// <param name="options">Element type, device, parts to leave out or take from elsewhere.</param>
    /// <param name="progress">Names of the parts as they are loaded.</param>
    /// <param name="cancellation">Stops between two tensors.</param>
    /// <exception cref="InvalidDataException">The path is no Stable Diffusion 3 checkpoint (the message says what it looks like) or a file is damaged.</exception>
    /// <exception cref="CheckpointException">Tensors are missing or have other shapes.</exception>
    public static StableDiffusion3 Load(string path, LoadOptions? options = null, IProgress<string>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new LoadOptions();
        var parts = new Parts();
        try
        {
            if (Directory.Exists(path)) LoadFolder(parts, path, options, progress, cancellation);
            else if (File.Exists(path)) LoadFile(parts, path, options, progress, cancellation);
            else throw new FileNotFoundException($"{path} is neither a folder nor a file.", path);
            return parts.Finish(options);
        }
        catch
        {
            // Nothing half-loaded stays behind.
            parts.Dispose();
            throw;
        }
    }

    private static void LoadFolder(Parts parts, string path, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
    {
        string Sub(string name) => Path.Combine(path, name);
        var index = Sub("model_index.json");
        if (File.Exists(index) && SdConfig.Text(SdConfig.Read(index), "_class_name") is { } kind && !kind.StartsWith("StableDiffusion3", StringComparison.Ordinal)) throw new InvalidDataException($"{index} describes a {kind}; expected a StableDiffusion3Pipeline.");
        if (!Directory.Exists(Sub("transformer")))
        {
            throw new InvalidDataException(Directory.Exists(Sub("unet")) ? $"{path} holds a U-Net pipeline (Stable Diffusion 1, 2 or XL), not Stable Diffusion 3." : $"{path} is no diffusers folder of Stable Diffusion 3: it has no folder 'transformer'.");
        }
        var transformerConfig = Path.Combine(Sub("transformer"), "config.json");
        var transformerSizes = SdConfig.Transformer(SdConfig.Read(transformerConfig), transformerConfig);
        parts.LoadTransformer(transformerSizes, () => ModelFiles.Open(Sub("transformer"), "diffusion_pytorch_model"), options, progress, cancellation);
        var vaeConfig = Path.Combine(Sub("vae"), "config.json");
        if (options.VaePath is not null) LoadVae(parts, null, options, progress, cancellation);
        else parts.LoadVae(SdConfig.Autoencoder(SdConfig.Read(vaeConfig), vaeConfig), () => ModelFiles.Open(Sub("vae"), "diffusion_pytorch_model"), options, progress, cancellation);
        foreach (var (folder, big) in new[] { ("text_encoder", false), ("text_encoder_2", true) })
        {
            if ((big ? options.ClipGPath : options.ClipLPath) is not null)
            {
                var tokenizer = Sub(big ? "tokenizer_2" : "tokenizer");
                var own = Directory.Exists(tokenizer) ? tokenizer : null;
                LoadClip(parts, null, big, transformerSizes.HeadDim, big ? options with { ClipGTokenizerPath = options.ClipGTokenizerPath ?? own } : options with { ClipLTokenizerPath = options.ClipLTokenizerPath ?? own }, progress, cancellation);
                continue;
            }
            var config = Path.Combine(Sub(folder), "config.json");
            if (!File.Exists(config)) continue;
            parts.LoadClip(big, SdConfig.Clip(SdConfig.Read(config), config), () => SingleFile.WithProjection(ModelFiles.Open(Sub(folder), "model")), ClipTokenizer.FromFolder(Sub(big ? "tokenizer_2" : "tokenizer")), options, progress, cancellation);
        }
        var t5Config = Path.Combine(Sub("text_encoder_3"), "config.json");
        if (!options.SkipT5 && options.T5Path is not null)
        {
            var pieces = Path.Combine(Sub("tokenizer_3"), "spiece.model");
            LoadT5(parts, null, options with { T5TokenizerPath = options.T5TokenizerPath ?? (File.Exists(pieces) ? pieces : null) }, progress, cancellation);
        }
        else if (!options.SkipT5 && File.Exists(t5Config))
        {
            parts.LoadT5(SdConfig.T5(SdConfig.Read(t5Config), t5Config), () => SingleFile.WithShared(ModelFiles.Open(Sub("text_encoder_3"), "model")), T5Tokenizer.FromFolder(Sub("tokenizer_3")), options, progress, cancellation);
        }
        var schedule = Path.Combine(Sub("scheduler"), "scheduler_config.json");
        if (File.Exists(schedule)) parts.Schedule = SdConfig.Schedule(SdConfig.Read(schedule));
    }

    private static void LoadFile(Parts parts, string path, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
    {
        using var source = ModelFiles.OpenFile(path);
        var found = SingleFile.Open(source);
        if (found.Transformer is null) throw new InvalidDataException($"{path} holds no Stable Diffusion 3 transformer: it looks like {CheckpointKind.Of(source)}.");
        var sizes = ShapeInference.Transformer(found.Transformer);
        parts.LoadTransformer(sizes, () => found.Transformer, options, progress, cancellation);
        LoadVae(parts, found.Vae, options, progress, cancellation);
        LoadClip(parts, found.ClipL, false, sizes.HeadDim, options, progress, cancellation);
        LoadClip(parts, found.ClipG, true, sizes.HeadDim, options, progress, cancellation);
        if (!options.SkipT5) LoadT5(parts, found.T5, options, progress, cancellation);
    }

    private static void LoadVae(Parts parts, ITensorSource? own, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        => FromParts(own, options.VaePath, f => f.Vae, "autoencoder", part => parts.LoadVae(ShapeInference.Autoencoder(part), () => part, options, progress, cancellation));

    private static void LoadClip(Parts parts, ITensorSource? own, bool big, int headWidth, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        => FromParts(own, big ? options.ClipGPath : options.ClipLPath, f => big ? f.ClipG ?? f.ClipL : f.ClipL ?? f.ClipG, "CLIP text encoder", part =>
            parts.LoadClip(big, ShapeInference.Clip(part, big, headWidth), () => part, Tokenizer(big ? options.ClipGTokenizerPath : options.ClipLTokenizerPath, big), options, progress, cancellation));

    private static void LoadT5(Parts parts, ITensorSource? own, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        => FromParts(own, options.T5Path, f => f.T5, "T5 text encoder", part =>
        {
            if (options.T5TokenizerPath is null)
            {
                progress?.Report("T5 left out: its tokenizer is not part of a single file (give the path of spiece.model: --t5-tokenizer)");
                return;
            }
            parts.LoadT5(ShapeInference.T5(part), () => part, T5Tokenizer.FromFile(options.T5TokenizerPath), options, progress, cancellation);
        });

    private static void FromParts(ITensorSource? own, string? elsewhere, Func<SingleFileParts, ITensorSource?> pick, string what, Action<ITensorSource> load)
    {
        if (elsewhere is null)
        {
            if (own is not null) load(own);
            return;
        }
        using var source = ModelFiles.OpenNetwork(elsewhere);
        load(pick(SingleFile.Open(source)) ?? throw new InvalidDataException($"{elsewhere} holds no {what}: it looks like {CheckpointKind.Of(source)}."));
    }

    private static ClipTokenizer Tokenizer(string? folder, bool big) => folder is null ? ClipTokenizer.Standard(padWithZero: big) : ClipTokenizer.FromFolder(folder);

    private sealed class Parts : IDisposable
    {
        private MmDit? _transformer;
        private Vae? _vae;
        private ClipTextEncoder? _clipL;
        private ClipTextEncoder? _clipG;
        private T5Encoder? _t5;
        private ClipTokenizer? _clipLTokenizer;
        private ClipTokenizer? _clipGTokenizer;
        private T5Tokenizer? _t5Tokenizer;

        public ScheduleOptions? Schedule { get; set; }

        public void LoadTransformer(MmDitOptions sizes, Func<ITensorSource> open, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        {
            progress?.Report("transformer");
            _transformer = new MmDit(sizes, WeightPlace.Nowhere);
            Fill(_transformer, open, options, cancellation);
            if (options.EightBits) WeightQuantization.ToEightBits(_transformer);
        }

        public void LoadVae(VaeOptions sizes, Func<ITensorSource> open, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        {
            progress?.Report("autoencoder");
            _vae = new Vae(sizes, WeightPlace.Nowhere);
            // Half precision overflows in the decoder: it computes in single precision always.
            Fill(_vae, open, options with { Dtype = ScalarType.Float32 }, cancellation);
            if (options.Device is null || options.Device.type == DeviceType.CPU) _vae.UseChannelsLast();
        }

        public void LoadClip(bool big, ClipTextOptions sizes, Func<ITensorSource> open, ClipTokenizer tokenizer, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        {
            progress?.Report(big ? "CLIP-G" : "CLIP-L");
            if (tokenizer.Count > sizes.VocabularySize) throw new InvalidDataException($"The {(big ? "CLIP-G" : "CLIP-L")} tokenizer has {tokenizer.Count} tokens, the encoder {sizes.VocabularySize}: they do not belong together. Give the folder of its vocab.json (--tokenizers: the folder with tokenizer and tokenizer_2 in it).");
            var encoder = new ClipTextEncoder(sizes, WeightPlace.Nowhere);
            if (big) (_clipG, _clipGTokenizer) = (encoder, tokenizer);
            else (_clipL, _clipLTokenizer) = (encoder, tokenizer);
            Fill(encoder, open, options, cancellation);
        }

        public void LoadT5(T5EncoderOptions sizes, Func<ITensorSource> open, T5Tokenizer tokenizer, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
        {
            progress?.Report("T5");
            _t5 = new T5Encoder(sizes, WeightPlace.Nowhere);
            _t5Tokenizer = tokenizer;
            Fill(_t5, open, options, cancellation);
            if (options.EightBits) WeightQuantization.ToEightBits(_t5);
        }

        public StableDiffusion3 Finish(LoadOptions options)
        {
            if (_vae is null) throw new InvalidDataException("The checkpoint has no autoencoder: give the path of one (VaePath; --vae).");
            if (_clipL is null && _clipG is null && _t5 is null) throw new InvalidDataException("The checkpoint has no text encoder: give the path of at least one (ClipLPath, ClipGPath, T5Path; --clip-l, --clip-g, --t5).");
            var schedule = Schedule ?? new ScheduleOptions();
            if (options.Shift is { } shift) schedule = schedule with { Shift = shift };
            var text = new TextEncoders(_transformer!.Options) { ClipL = _clipL, ClipG = _clipG, ClipLTokenizer = _clipLTokenizer, ClipGTokenizer = _clipGTokenizer, T5Tokenizer = _t5Tokenizer };
            text.UseT5(_t5);
            return new StableDiffusion3(_transformer, _vae, text, schedule);
        }

        public void Dispose()
        {
            _transformer?.Dispose();
            _vae?.Dispose();
            _clipL?.Dispose();
            _clipG?.Dispose();
            _t5?.Dispose();
        }

        private static void Fill(nn.Module module, Func<ITensorSource> open, LoadOptions options, CancellationToken cancellation)
        {
            using var source = open();
            var dtype = options.Dtype;
            var onCpu = options.Device is null || options.Device.type == DeviceType.CPU;
            if (dtype is null && onCpu && source.Entries.Values.Any(e => e.Dtype is SafetensorsDtype.F16 or SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2))
            {
                var single = source.Entries.Values.Sum(e => e.Count) * 4;
                // Too large to widen at once: the file stays mapped and each layer is widened when it is used.
                dtype = single <= GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2 ? ScalarType.Float32 : null;
            }
            WeightLoader.Load(module, source, dtype, options.Device, cancellation);
        }
    }
}
