using System.Buffers.Binary;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Diffusion;

/// <summary>A diffusers folder of random weights, written in pieces: the networks are never in memory.</summary>
internal static class RandomCheckpoint
{
    private const int Piece = 1 << 22;

    /// <summary>Writes the folder; transformer and T5 in <paramref name="type"/> (bf16, fp16, fp8), the others in half precision.</summary>
    public static void Write(string folder, MmDitOptions transformer, string type)
    {
        // A small whole model brings tokenizers, schedule and index.
        var tiny = Path.Combine("tests", "References", "diffusion", "tiny_sd3");
        foreach (var part in new[] { "tokenizer", "tokenizer_2", "tokenizer_3", "scheduler" })
        {
            Directory.CreateDirectory(Path.Combine(folder, part));
            foreach (var file in Directory.GetFiles(Path.Combine(tiny, part)))
                File.Copy(file, Path.Combine(folder, part, Path.GetFileName(file)), overwrite: true);
        }
        var half = type == "bf16" ? "bf16" : "fp16";
        Network(folder, "transformer", "diffusion_pytorch_model", new MmDit(transformer, WeightPlace.Nowhere),
            SdConfigWriter.Transformer(transformer), type);
        Network(folder, "vae", "diffusion_pytorch_model", new Vae(VaeOptions.Sd3, WeightPlace.Nowhere), SdConfigWriter.Vae(VaeOptions.Sd3),
            half);
        Network(folder, "text_encoder", "model", new ClipTextEncoder(ClipTextOptions.Large, WeightPlace.Nowhere),
            SdConfigWriter.Clip(ClipTextOptions.Large), half);
        Network(folder, "text_encoder_2", "model", new ClipTextEncoder(ClipTextOptions.BigG, WeightPlace.Nowhere),
            SdConfigWriter.Clip(ClipTextOptions.BigG), half);
        Network(folder, "text_encoder_3", "model", new T5Encoder(T5EncoderOptions.Xxl, WeightPlace.Nowhere),
            SdConfigWriter.T5(T5EncoderOptions.Xxl), type);
        File.Copy(Path.Combine(tiny, "model_index.json"), Path.Combine(folder, "model_index.json"), overwrite: true);
    }

    private static void Network(string folder, string name, string stem, nn.Module shapes, Dictionary<string, object?> config, string type)
    {
        using var network = shapes;
        var target = Path.Combine(folder, name);
        Directory.CreateDirectory(target);
        File.WriteAllText(Path.Combine(target, "config.json"), System.Text.Json.JsonSerializer.Serialize(config));
        var (dtype, size) = type switch
        {
            "bf16" => (SafetensorsDtype.BF16, 2),
            "fp16" => (SafetensorsDtype.F16, 2),
            _ => (SafetensorsDtype.F8E4M3, 1),
        };
        var entries = new List<SafetensorsEntry>();
        long at = 0;
        foreach (var (key, value) in network.state_dict())
        {
            var length = value.numel() * size;
            entries.Add(new SafetensorsEntry(key, dtype, value.shape, at, length));
            at += length;
        }
        var numbers = Numbers(type);
        using var stream = File.Create(Path.Combine(target, stem + ".safetensors"), 1 << 20);
        stream.Write(SafetensorsHeader.Write(entries, new Dictionary<string, string> { ["format"] = "pt" }));
        for (var left = at; left > 0; left -= numbers.Length) stream.Write(numbers, 0, (int)Math.Min(numbers.Length, left));
    }

    // Normal numbers of deviation 0.02 (fp8: powers of two near it), repeated: billions of them would take longer than everything else.
    private static byte[] Numbers(string type)
    {
        var random = new Random(1);
        var bytes = new byte[Piece];
        if (type == "fp8")
        {
            // Sign, exponent 1 or 2 (2^-6, 2^-5), mantissa.
            for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)((random.Next(2) << 7) | ((1 + random.Next(2)) << 3) | random.Next(8));
            return bytes;
        }
        for (var i = 0; i < bytes.Length; i += 2)
        {
            var value = (float)(0.02 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i),
                type == "bf16" ? (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16) : BitConverter.HalfToUInt16Bits((Half)value));
        }
        return bytes;
    }
}
