using System.Text.Json;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>Where the weights, the configuration and the tokenizer of one network lie.</summary>
/// <param name="Source">The weights in the folder layout.</param>
/// <param name="Path">For messages.</param>
/// <param name="Config">Path of its config.json; null where sizes come from the shapes.</param>
internal sealed record NetworkFiles(ITensorSource Source, string Path, string? Config)
{
    public JsonElement? ReadConfig() => Config is null ? null : ConfigJson.Read(Config);
}

/// <summary>
/// The files of a checkpoint, opened but not read: a folder, a single file, or either with parts from elsewhere. Both kinds treat the same
/// options alike.
/// </summary>
internal sealed class CheckpointFiles : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    private CheckpointFiles(string path) => Path = path;

    public string Path { get; }

    public bool IsFolder { get; private init; }

    public required NetworkFiles Transformer { get; init; }

    public NetworkFiles? Vae { get; private set; }

    public NetworkFiles? ClipL { get; private set; }

    public NetworkFiles? ClipG { get; private set; }

    public NetworkFiles? T5 { get; private set; }

    /// <summary>The folder of a tokenizer: the one asked for, or the checkpoint's own; null where there is neither.</summary>
    public string? ClipLTokenizer { get; private set; }

    public string? ClipGTokenizer { get; private set; }

    /// <summary>T5's: a folder or the file spiece.model.</summary>
    public string? T5Tokenizer { get; private set; }

    public ScheduleOptions? Schedule { get; private init; }

    /// <summary>The sampler that the checkpoint's scheduler asks for.</summary>
    public SamplerOptions? Sampler { get; private init; }

    public List<string> Notes { get; } = [];

    public static CheckpointFiles Open(string path, LoadOptions options)
    {
        var owned = new List<IDisposable>();
        try
        {
            var result = Directory.Exists(path) ? OpenFolder(path, owned)
                : File.Exists(path) ? OpenFile(path, owned)
                : throw new FileNotFoundException(
                    $"{path} is neither a folder nor a file. Checkpoints are read from this computer: download one first.", path);
            result._owned.AddRange(owned);
            owned = result._owned;
            result.TakeFromElsewhere(options);
            return result;
        }
        catch
        {
            foreach (var source in owned) source.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var source in _owned) source.Dispose();
    }

    private static CheckpointFiles OpenFolder(string path, List<IDisposable> owned)
    {
        string Sub(string name) => System.IO.Path.Combine(path, name);
        var index = Sub("model_index.json");
        if (File.Exists(index) && ConfigJson.Text(ConfigJson.Read(index), "_class_name") is { } kind
            && !kind.StartsWith("StableDiffusion3", StringComparison.Ordinal))
            throw new InvalidDataException($"{index} describes a {kind}; expected a StableDiffusion3Pipeline.");
        if (!Directory.Exists(Sub("transformer")))
        {
            throw new InvalidDataException(Directory.Exists(Sub("unet"))
                ? $"{path} holds a U-Net pipeline (Stable Diffusion 1, 2 or XL), not Stable Diffusion 3."
                : $"{path} is not a diffusers folder of Stable Diffusion 3: it has no folder 'transformer'.");
        }
        NetworkFiles Network(string name, string stem)
        {
            var config = System.IO.Path.Combine(Sub(name), "config.json");
            if (!File.Exists(config)) throw new InvalidDataException($"{config} is not there.");
            var source = ModelFiles.Open(Sub(name), stem);
            owned.Add(source);
            return new NetworkFiles(source, Sub(name), config);
        }
        NetworkFiles? Optional(string name, string stem) =>
            File.Exists(System.IO.Path.Combine(Sub(name), "config.json")) ? Network(name, stem) : null;
        string? Folder(string name) => Directory.Exists(Sub(name)) ? Sub(name) : null;
        var schedule = System.IO.Path.Combine(Sub("scheduler"), "scheduler_config.json");
        var clip = (NetworkFiles? files) => files is null ? null : files with { Source = SingleFile.WithProjection(files.Source) };
        var t5 = Optional("text_encoder_3", "model");
        var config = File.Exists(schedule) ? ConfigJson.Read(schedule) : (JsonElement?)null;
        var (sampler, note) = config is { } scheduler ? SchedulerConfig.Sampler(scheduler, schedule) : (null, null);
        var result = new CheckpointFiles(path)
        {
            IsFolder = true,
            Transformer = Network("transformer", "diffusion_pytorch_model"),
            Vae = Optional("vae", "diffusion_pytorch_model"),
            ClipL = clip(Optional("text_encoder", "model")),
            ClipG = clip(Optional("text_encoder_2", "model")),
            T5 = t5 is null ? null : t5 with { Source = SingleFile.WithShared(t5.Source) },
            ClipLTokenizer = Folder("tokenizer"),
            ClipGTokenizer = Folder("tokenizer_2"),
            T5Tokenizer = File.Exists(System.IO.Path.Combine(Sub("tokenizer_3"), "spiece.model")) ? Sub("tokenizer_3") : null,
            Schedule = config is { } levels ? SchedulerConfig.Schedule(levels, schedule) : null,
            Sampler = sampler,
        };
        if (note is not null) result.Notes.Add(note);
        return result;
    }

    private static CheckpointFiles OpenFile(string path, List<IDisposable> owned)
    {
        var source = ModelFiles.OpenFile(path);
        owned.Add(source);
        var found = SingleFile.Open(source);
        if (found.Transformer is null)
            throw new InvalidDataException($"{path} holds no Stable Diffusion 3 transformer: it looks like {CheckpointKind.Of(source)}.");
        NetworkFiles? Part(ITensorSource? part) => part is null ? null : new NetworkFiles(part, path, null);
        var result = new CheckpointFiles(path)
        {
            Transformer = Part(found.Transformer)!,
            Vae = Part(found.Vae),
            ClipL = Part(found.ClipL),
            ClipG = Part(found.ClipG),
            T5 = Part(found.T5)
        };
        if (SingleFile.Strays(source) is { Count: > 0 } strays)
            result.Notes.Add($"{path}: {PartLoader.Keys(strays)} no part of the model and {(strays.Count == 1 ? "is" : "are")} not used");
        return result;
    }

    private void TakeFromElsewhere(LoadOptions options)
    {
        NetworkFiles Other(string path, string what, Func<SingleFileParts, ITensorSource?> pick)
        {
            var source = ModelFiles.OpenNetwork(path);
            _owned.Add(source);
            var part = pick(SingleFile.Open(source))
                ?? throw new InvalidDataException($"{path} holds no {what}: it looks like {CheckpointKind.Of(source)}.");
            var config = System.IO.Path.Combine(path, "config.json");
            return new NetworkFiles(part, path, Directory.Exists(path) && File.Exists(config) ? config : null);
        }
        if (options.VaePath is { } vae) Vae = Other(vae, "autoencoder", f => f.Vae);
        if (options.ClipLPath is { } clipL) ClipL = Other(clipL, "CLIP text encoder", f => f.ClipL ?? f.ClipG);
        if (options.ClipGPath is { } clipG) ClipG = Other(clipG, "CLIP text encoder", f => f.ClipG ?? f.ClipL);
        if (options.SkipT5) T5 = null;
        else if (options.T5Path is { } t5) T5 = Other(t5, "T5 text encoder", f => f.T5);
        ClipLTokenizer = options.ClipLTokenizerPath ?? ClipLTokenizer;
        ClipGTokenizer = options.ClipGTokenizerPath ?? ClipGTokenizer;
        T5Tokenizer = options.T5TokenizerPath ?? T5Tokenizer;
    }
}
