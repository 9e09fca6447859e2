using System.Text.Json;
using System.Text.Json.Nodes;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Writes the networks of a checkpoint as a diffusers folder.</summary>
internal sealed class FolderWriter(string path, string folder, SingleFileParts parts, LoadOptions options, ScalarType? dtype,
    long maxShardBytes)
{
    private const string Tokens = "spiece.model";
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    // What a folder says of itself is taken over; a single file says nothing but its shapes.
    private readonly string? _own = Directory.Exists(path) ? path : null;

    public void Write()
    {
        using var scope = NewDisposeScope();
        var t5 = parts.T5 is null || options.T5TokenizerPath is null ? null : T5Tokenizer(options.T5TokenizerPath);
        var sizes = new Lazy<MmDitOptions>(() => ShapeInference.Transformer(parts.Transformer!));
        Network("transformer", "diffusion_pytorch_model", parts.Transformer!, _ => SdConfigWriter.Transformer(sizes.Value));
        Network("vae", "diffusion_pytorch_model", parts.Vae, s => SdConfigWriter.Vae(ShapeInference.Autoencoder(s)));
        Network("text_encoder", "model", parts.ClipL, s => SdConfigWriter.Clip(ShapeInference.Clip(s, false, sizes.Value.HeadDim)));
        Network("text_encoder_2", "model", parts.ClipG, s => SdConfigWriter.Clip(ShapeInference.Clip(s, true, sizes.Value.HeadDim)));
        Network("text_encoder_3", "model", parts.T5, s => SdConfigWriter.T5(ShapeInference.T5(s)));
        Scheduler();
        if (!Taken("model_index.json")) WriteJson("model_index.json", SdConfigWriter.Index(parts));
        Clip(parts.ClipL, options.ClipLTokenizerPath, "tokenizer", padWithZero: false);
        Clip(parts.ClipG, options.ClipGTokenizerPath, "tokenizer_2", padWithZero: true);
        if (t5 is not null) Copy(t5, $"tokenizer_3/{Tokens}");
        else if (parts.T5 is not null) TakenFolder("tokenizer_3");
    }

    // A folder's own scheduler stays what it is, but for a shift that was named.
    private void Scheduler()
    {
        const string Name = "scheduler/scheduler_config.json";
        if (_own is null || !File.Exists(Path.Combine(_own, Name)))
        {
            var schedule = options.Shift is { } named ? new ScheduleOptions { Shift = named } : new ScheduleOptions();
            WriteJson(Name, SchedulerConfig.Write(schedule, new EulerSamplerOptions()));
        }
        else if (options.Shift is not { } shift) Copy(Path.Combine(_own, Name), Name);
        else
        {
            var own = ConfigJson.Read(Path.Combine(_own, Name));
            var kept = JsonNode.Parse(own.GetRawText())!.AsObject();
            kept[SchedulerConfig.ShiftKey(own)] = shift;
            Directory.CreateDirectory(Path.Combine(folder, "scheduler"));
            AtomicFile.WriteText(Path.Combine(folder, Name), kept.ToJsonString(Format) + "\n");
        }
    }

    // Before anything is written: a folder, or the file itself.
    private static string T5Tokenizer(string given)
    {
        var file = Directory.Exists(given) ? Path.Combine(given, Tokens) : given;
        return File.Exists(file) ? file : throw new FileNotFoundException($"{file} is not there.", file);
    }

    private void Network(string name, string stem, ITensorSource? source, Func<ITensorSource, Dictionary<string, object?>> config)
    {
        if (source is null) return;
        using var scope = NewDisposeScope();
        var target = Path.Combine(folder, name);
        Directory.CreateDirectory(target);
        var tensors = ModelConversion.Tensors(source, dtype);
        if (tensors.Values.Sum(t => t.numel() * t.element_size()) > maxShardBytes)
            SafetensorsWriter.WriteSharded(target, stem, tensors, maxShardBytes, Metadata);
        else SafetensorsWriter.Write(Path.Combine(target, stem + ".safetensors"), tensors, Metadata);
        if (_own is not null && Path.Combine(_own, name, "config.json") is var own && File.Exists(own))
        {
            var kept = JsonNode.Parse(ConfigJson.Read(own).GetRawText())!.AsObject();
            // Weights are unpacked, and may have another type now.
            foreach (var key in new[] { "quantization_config", "torch_dtype", "dtype" }) kept.Remove(key);
            AtomicFile.WriteText(Path.Combine(target, "config.json"), kept.ToJsonString(Format) + "\n");
        }
        else WriteJson($"{name}/config.json", config(source));
    }

    private void Clip(ITensorSource? encoder, string? from, string to, bool padWithZero)
    {
        if (encoder is null || (from is null && TakenFolder(to))) return;
        if (from is null)
        {
            ClipTokenizer.Standard(padWithZero).Save(Path.Combine(folder, to));
            return;
        }
        foreach (var name in new[] { "vocab.json", "merges.txt", "tokenizer_config.json", "tokenizer.json" })
        {
            if (File.Exists(Path.Combine(from, name))) Copy(Path.Combine(from, name), $"{to}/{name}");
        }
    }

    private bool Taken(string name)
    {
        if (_own is null || !File.Exists(Path.Combine(_own, name))) return false;
        Copy(Path.Combine(_own, name), name);
        return true;
    }

    private bool TakenFolder(string name)
    {
        if (_own is null || !Directory.Exists(Path.Combine(_own, name))) return false;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(_own, name))) Copy(file, $"{name}/{Path.GetFileName(file)}");
        return true;
    }

    private void Copy(string from, string to)
    {
        var target = Path.Combine(folder, to);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(from, target, overwrite: true);
    }

    private void WriteJson(string name, Dictionary<string, object?> values)
    {
        var target = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        AtomicFile.WriteBytes(target, JsonSerializer.SerializeToUtf8Bytes(values, Format));
    }
}
