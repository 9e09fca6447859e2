using System.Text.Json;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

public sealed partial class StableDiffusion3
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>
    /// Writes the whole model as a diffusers folder: networks in the element types they have, tokenizers, schedule, index.
    /// </summary>
    /// <param name="folder">Made where it is not there.</param>
    /// <exception cref="NotSupportedException">
    /// Weights are packed (8 bits or fewer), or the schedule is one that a folder cannot say; nothing was written.
    /// </exception>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Schedule.ShiftOnce)
            throw new NotSupportedException("A folder cannot say that noise levels are shifted once (ScheduleOptions.ShiftOnce).");
        var plain = new ScheduleOptions { TrainingSteps = Schedule.TrainingSteps, Shift = Schedule.Shift };
        if (Sampler is HeunSamplerOptions or MultistepSamplerOptions { UseFlowTable: false } && Schedule != plain)
            throw new NotSupportedException(
                $"A folder with {SchedulerConfig.NameOf(Sampler)} can say its shift alone (Dynamic, Terminal, Spacing).");
        List<(string Name, string Stem, nn.Module Network, Dictionary<string, object?> Config)> networks =
        [
            ("transformer", "diffusion_pytorch_model", Transformer, SdConfigWriter.Transformer(Transformer.Options)),
            ("vae", "diffusion_pytorch_model", Vae, SdConfigWriter.Vae(Vae.Options)),
        ];
        if (Text.ClipL is { } clipL) networks.Add(("text_encoder", "model", clipL, SdConfigWriter.Clip(clipL.Options)));
        if (Text.ClipG is { } clipG) networks.Add(("text_encoder_2", "model", clipG, SdConfigWriter.Clip(clipG.Options)));
        if (Text.T5 is { } t5) networks.Add(("text_encoder_3", "model", t5, SdConfigWriter.T5(t5.Options)));
        foreach (var (name, _, network, _) in networks)
        {
            if (network.parameters().Any(p => p.device_type == DeviceType.META))
                throw new NotSupportedException(
                    $"{name} has packed weights, whose values are not kept: load the model without them (LoadOptions.KeepPacked = false), "
                        + $"or convert its file ('cresset sd3 convert').");
        }
        foreach (var (name, stem, network, config) in networks)
        {
            using var scope = NewDisposeScope();
            var target = Path.Combine(folder, name);
            Directory.CreateDirectory(target);
            SafetensorsWriter.Write(Path.Combine(target, stem + ".safetensors"),
                StateDict.Of(network).ToDictionary(pair => pair.Key, pair => pair.Value.detach().cpu().contiguous()),
                new Dictionary<string, string> { ["format"] = "pt" });
            WriteJson(Path.Combine(target, "config.json"), config);
        }
        Text.ClipLTokenizer?.Save(Path.Combine(folder, "tokenizer"));
        Text.ClipGTokenizer?.Save(Path.Combine(folder, "tokenizer_2"));
        Text.T5Tokenizer?.Save(Path.Combine(folder, "tokenizer_3"));
        Directory.CreateDirectory(Path.Combine(folder, "scheduler"));
        WriteJson(Path.Combine(folder, "scheduler", "scheduler_config.json"), SchedulerConfig.Write(Schedule, Sampler));
        WriteJson(Path.Combine(folder, "model_index.json"),
            SdConfigWriter.Index(Transformer, Vae, Text.ClipL, Text.ClipG, Text.T5, Sampler));
    }

    private static void WriteJson(string path, Dictionary<string, object?> values) =>
        AtomicFile.WriteText(path, JsonSerializer.Serialize(values, Indented) + "\n");
}
