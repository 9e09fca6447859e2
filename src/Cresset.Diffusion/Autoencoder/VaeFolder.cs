using System.Text.Json;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>An autoencoder as the folder <c>vae</c> of a diffusers checkpoint, and the small one that comes with Cresset.</summary>
public static class VaeFolder
{
    private const string ConfigName = "config.json", WeightsName = "diffusion_pytorch_model.safetensors";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes config.json and the weights in half precision.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="folder">Made where it is not there.</param>
    /// <param name="options">Its sizes with the scale and shift of its latents, where they were found after it was built.</param>
    public static void Save(Vae vae, string folder, VaeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(vae);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        var weights = StateDict.Of(vae).ToDictionary(pair => pair.Key,
            pair => TensorCasts.To(pair.Value.detach().cpu(), ScalarType.Float16, pair.Key, folder));
        SafetensorsWriter.Write(Path.Combine(folder, WeightsName), weights, new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.WriteText(Path.Combine(folder, ConfigName),
            JsonSerializer.Serialize(SdConfigWriter.Vae(options ?? vae.Options), Indented) + "\n");
    }

    /// <summary>Reads such a folder; the weights compute in single precision.</summary>
    /// <exception cref="InvalidDataException">A file is missing, damaged or of another kind of model.</exception>
    /// <exception cref="CheckpointException">Tensors are missing or have other shapes.</exception>
    public static Vae Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var config = Path.Combine(folder, ConfigName);
        var options = SdConfig.Autoencoder(ConfigJson.Read(config), config);
        var weights = Path.Combine(folder, WeightsName);
        if (!File.Exists(weights)) throw new InvalidDataException($"{weights} is not there.");
        using var source = SafetensorsFile.Open(weights);
        return Fill(options, source);
    }

    /// <summary>
    /// The autoencoder of grey pictures that comes with Cresset: factor 2, trained on all of Fashion-MNIST by the recipe
    /// <c>vae-garments</c>.
    /// </summary>
    public static Vae Garments()
    {
        using var document = JsonDocument.Parse(EmbeddedData.Bytes($"garments-vae.{ConfigName}"));
        var options = SdConfig.Autoencoder(document.RootElement, "the embedded config.json");
        using var stream = EmbeddedData.Open($"garments-vae.{WeightsName}");
        using var source = SafetensorsBytes.Read("the embedded autoencoder", stream);
        return Fill(options, source);
    }

    private static Vae Fill(VaeOptions options, ITensorSource source)
    {
        var vae = new Vae(options, WeightPlace.Nowhere);
        try
        {
            WeightLoader.Load(vae, source, ScalarType.Float32);
            vae.UseChannelsLast();
            vae.eval();
            return vae;
        }
        catch
        {
            vae.Dispose();
            throw;
        }
    }
}
