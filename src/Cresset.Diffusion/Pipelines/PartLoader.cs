using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Builds the networks of a checkpoint and fills them. What it does not hand over it frees.</summary>
internal sealed class PartLoader(CheckpointFiles files, LoadOptions options, IProgress<string>? progress, CancellationToken cancellation)
    : IDisposable
{
    private readonly List<nn.Module> _made = [];
    private readonly List<string> _notes = [.. files.Notes];

    /// <summary>"3 keys (a, b, ...) belong to", for messages.</summary>
    public static string Keys(IReadOnlyList<string> keys) =>
        keys.Count == 1 ? $"the key {keys[0]} belongs to"
            : $"{keys.Count} keys ({string.Join(", ", keys.Take(3))}{(keys.Count > 3 ? ", ..." : "")}) belong to";

    public static InvalidDataException NoAutoencoder(CheckpointFiles files) =>
        new($"{files.Path} has no autoencoder{(files.IsFolder ? " (folder vae)" : "")}: give the path of one (VaePath; --vae).");

    public static MmDitOptions Transformer(CheckpointFiles files) =>
        files.Transformer.ReadConfig() is { } config ? SdConfig.Transformer(config, files.Transformer.Config!)
            : ShapeInference.Transformer(files.Transformer.Source);

    public static VaeOptions Autoencoder(NetworkFiles part) =>
        part.ReadConfig() is { } config ? SdConfig.Autoencoder(config, part.Config!) : ShapeInference.Autoencoder(part.Source);

    public static ClipTextOptions Clip(NetworkFiles part, bool big, int headWidth) =>
        part.ReadConfig() is { } config ? SdConfig.Clip(config, part.Config!) : ShapeInference.Clip(part.Source, big, headWidth);

    public static T5EncoderOptions T5(NetworkFiles part) =>
        part.ReadConfig() is { } config ? SdConfig.T5(config, part.Config!) : ShapeInference.T5(part.Source);

    public StableDiffusion3 Load()
    {
        if (files.Vae is null) throw NoAutoencoder(files);
        if (files.ClipL is null && files.ClipG is null && (files.T5 is null || files.T5Tokenizer is null))
            throw new InvalidDataException(
                "The checkpoint has no text encoder: give the path of at least one (ClipLPath, ClipGPath, T5Path; --clip-l, --clip-g, --t5 "
                    + "with --t5-tokenizer).");
        progress?.Report("transformer");
        var sizes = Transformer(files);
        var transformer = Keep(new MmDit(sizes, WeightPlace.Nowhere));
        Fill("transformer", transformer, files.Transformer, options.Dtype);
        if (options.EightBits) WeightQuantization.ToEightBits(transformer);
        if (options.Compute is { } compute) transformer.ComputeDtype = compute;
        var vae = LoadVae(files.Vae);
        var (clipL, tokenizerL) = LoadClip(files.ClipL, false, sizes.HeadDim);
        var (clipG, tokenizerG) = LoadClip(files.ClipG, true, sizes.HeadDim);
        var (t5, tokenizerT5) = LoadT5();
        var schedule = files.Schedule ?? new ScheduleOptions();
        if (options.Shift is { } shift) schedule = schedule with { Shift = shift };
        var text = new TextEncoders(sizes)
        {
            ClipL = clipL,
            ClipG = clipG,
            ClipLTokenizer = tokenizerL,
            ClipGTokenizer = tokenizerG,
            T5Tokenizer = tokenizerT5
        };
        text.UseT5(t5);
        var model = new StableDiffusion3(transformer, vae, text, schedule)
        {
            Notes = _notes,
            Sampler = files.Sampler ?? new EulerSamplerOptions()
        };
        _made.Clear();
        return model;
    }

    public void Dispose()
    {
        foreach (var module in _made) module.Dispose();
    }

    private T Keep<T>(T module)
        where T : nn.Module
    {
        _made.Add(module);
        return module;
    }

    private Vae LoadVae(NetworkFiles part)
    {
        progress?.Report("autoencoder");
        var vae = Keep(new Vae(Autoencoder(part), WeightPlace.Nowhere));
        // Half precision overflows in the decoder: it computes in single precision always.
        Fill("autoencoder", vae, part, ScalarType.Float32);
        if (options.Device is null || options.Device.type == DeviceType.CPU) vae.UseChannelsLast();
        return vae;
    }

    private (ClipTextEncoder? Encoder, ClipTokenizer? Tokenizer) LoadClip(NetworkFiles? part, bool big, int headWidth)
    {
        var name = big ? "CLIP-G" : "CLIP-L";
        if (part is null)
        {
            _notes.Add(
                $"{name} is left out: the checkpoint does not have it (take it from elsewhere: "
                    + $"{(big ? "ClipGPath; --clip-g" : "ClipLPath; --clip-l")}). Zeros stand in its place");
            return (null, null);
        }
        progress?.Report(name);
        var sizes = Clip(part, big, headWidth);
        var folder = big ? files.ClipGTokenizer : files.ClipLTokenizer;
        var tokenizer = folder is null ? ClipTokenizer.Standard(padWithZero: big) : ClipTokenizer.FromFolder(folder);
        if (tokenizer.Count > sizes.VocabularySize)
            throw new InvalidDataException(
                $"The {name} tokenizer has {tokenizer.Count} tokens, the encoder {sizes.VocabularySize}: they do not belong together. Give "
                    + $"the folder of its vocab.json (--tokenizers: the folder with tokenizer and tokenizer_2 in it).");
        // A single file says nothing of its end token: the tokenizer does.
        if (part.Config is null && sizes.EndTokenId != 2) sizes = sizes with { EndTokenId = tokenizer.EndId };
        // 2 stands for the largest id. Any other number finds no end of a prompt, and its first token would be pooled.
        if (sizes.EndTokenId != 2 && sizes.EndTokenId != tokenizer.EndId)
            throw new InvalidDataException(
                $"{part.Config ?? part.Path}: eos_token_id is {sizes.EndTokenId}, but the {name} tokenizer ends prompts with "
                    + $"{tokenizer.EndId}: they do not belong together.");
        var encoder = Keep(new ClipTextEncoder(sizes, WeightPlace.Nowhere));
        Fill(name, encoder, part, options.Dtype);
        return (encoder, tokenizer);
    }

    private (T5Encoder? Encoder, T5Tokenizer? Tokenizer) LoadT5()
    {
        if (files.T5 is not { } part)
        {
            if (!options.SkipT5)
                _notes.Add(
                    "T5 is left out: the checkpoint does not have it (take it from elsewhere: T5Path; --t5). Zeros stand in its place");
            return (null, null);
        }
        if (files.T5Tokenizer is not { } path)
        {
            _notes.Add(
                $"T5 is left out: its tokenizer is not "
                    + $"{(files.IsFolder ? "in the folder (tokenizer_3/spiece.model)" : "part of a single file")}; give the path of "
                    + $"spiece.model (T5TokenizerPath; --t5-tokenizer). Zeros stand in its place");
            return (null, null);
        }
        progress?.Report("T5");
        var tokenizer = Directory.Exists(path) ? T5Tokenizer.FromFolder(path) : T5Tokenizer.FromFile(path);
        var t5 = Keep(new T5Encoder(T5(part), WeightPlace.Nowhere));
        Fill("T5", t5, part, options.Dtype);
        if (options.EightBits) WeightQuantization.ToEightBits(t5);
        if (options.Compute is { } compute) t5.ComputeDtype = compute;
        return (t5, tokenizer);
    }

    private void Fill(string name, nn.Module module, NetworkFiles part, ScalarType? dtype)
    {
        var onCpu = options.Device is null || options.Device.type == DeviceType.CPU;
        var half = WidensHalf(part.Source, dtype, onCpu);
        // Packed matrices are multiplied on CPUs; elsewhere they are unpacked.
        var report = WeightLoader.Load(module, part.Source,
            stored => dtype
                ?? (half && stored == ScalarType.Float16 ? ScalarType.Float32 : !onCpu && stored == ScalarType.Float32 ? ScalarType.BFloat16
                    : null), keepPacked: dtype is null && onCpu && options.KeepPacked, options.Device, cancellation);
        var unused = report.Unexpected.Where(k => !IsHarmless(k)).ToList();
        if (unused.Count > 0)
            _notes.Add(
                $"{part.Path}: {Keys(unused)} nothing in the {name} and {(unused.Count == 1 ? "is" : "are")} not used; if the pictures "
                    + $"look wrong, this file is stored in a way that is not known here");
    }

    /// <summary>
    /// Half precision is slow on CPUs: it is widened at once where that fits into half of the memory, otherwise layer by layer.
    /// </summary>
    internal static bool WidensHalf(ITensorSource source, ScalarType? dtype, bool onCpu)
    {
        if (dtype is not null || !onCpu) return false;
        var halves = source.Entries.Values.Where(e => e.Dtype == SafetensorsDtype.F16).Sum(e => e.Count) * 4;
        return halves > 0 && halves <= GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;
    }

    // Buffers that transformers computes anew, the temperature of CLIP's contrastive loss, T5's decoder.
    private static bool IsHarmless(string key) =>
        key.EndsWith(".position_ids", StringComparison.Ordinal) || key is "logit_scale" or "lm_head.weight"
            || key.StartsWith("decoder.block.", StringComparison.Ordinal)
            || key.StartsWith("decoder.final_layer_norm", StringComparison.Ordinal)
            || key.StartsWith("decoder.embed_tokens", StringComparison.Ordinal);
}
