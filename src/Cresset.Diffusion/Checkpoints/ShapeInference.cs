using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>Sizes of a network from the shapes of its tensors (folder layout), for files that carry no configuration.</summary>
internal static partial class ShapeInference
{
    public static MmDitOptions Transformer(ITensorSource source)
    {
        var patches = Shape(source, "pos_embed.proj.weight");
        var positions = Shape(source, "pos_embed.pos_embed");
        var layers = Count(source, TransformerBlock());
        long width = patches[0], patch = patches[2];
        var head = source.Entries.TryGetValue("transformer_blocks.0.attn.norm_q.weight", out var norm) ? norm.Shape[0] : 0;
        // Released networks have as many heads as layers; the head norm tells where it is there.
        var heads = head > 0 ? width / head : layers;
        if (heads == 0 || width % heads != 0)
            throw new InvalidDataException(
                $"{source.Path}: a width of {width} does not split into {heads} heads; this is not a Stable Diffusion 3 transformer.");
        var table = (long)Math.Round(Math.Sqrt(positions[1]));
        if (table * table != positions[1])
            throw new InvalidDataException($"{source.Path}: the position table has {positions[1]} entries, which is not a square.");
        return new MmDitOptions
        {
            PatchSize = (int)patch,
            InChannels = (int)patches[1],
            OutChannels = (int)(Shape(source, "proj_out.weight")[0] / (patch * patch)),
            Layers = layers,
            Heads = (int)heads,
            HeadDim = (int)(width / heads),
            TextWidth = (int)Shape(source, "context_embedder.weight")[1],
            PooledWidth = (int)Shape(source, "time_text_embed.text_embedder.linear_1.weight")[1],
            PositionTableSize = (int)table,
            QkNorm = head > 0,
            DualAttentionLayers =
                [.. source.Entries.Keys.Select(k => DualBlock().Match(k)).Where(m => m.Success)
                    .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).Distinct().Order()],
        };
    }

    public static VaeOptions Autoencoder(ITensorSource source)
    {
        var blocks = Count(source, VaeBlock());
        int[] channels = [.. Enumerable.Range(0, blocks)
            .Select(i => (int)Shape(source, $"encoder.down_blocks.{i}.resnets.0.conv1.weight")[0])];
        var common = channels.Aggregate(0, Gcd);
        return new VaeOptions
        {
            ImageChannels = (int)Shape(source, "encoder.conv_in.weight")[1],
            LatentChannels = (int)Shape(source, "decoder.conv_in.weight")[1],
            BlockChannels = channels,
            LayersPerBlock = source.Entries.Keys.Count(k => FirstVaeLayers().IsMatch(k)),
            NormGroups = common % 32 == 0 ? 32 : common,
            QuantConvolution = source.Entries.ContainsKey("quant_conv.weight"),
            PostQuantConvolution = source.Entries.ContainsKey("post_quant_conv.weight"),
        };
    }

    /// <param name="source">The encoder.</param>
    /// <param name="isBig">CLIP-G: exact GELU, pooled at the end token.</param>
    /// <param name="smallHead">Head width where the stream is too narrow for 64.</param>
    public static ClipTextOptions Clip(ITensorSource source, bool isBig, int smallHead)
    {
        var tokens = Shape(source, "text_model.embeddings.token_embedding.weight");
        long width = tokens[1], head = width % 64 == 0 ? 64 : smallHead;
        if (head <= 0 || width % head != 0)
            throw new InvalidDataException(
                $"{source.Path}: a CLIP width of {width} does not split into heads of {head}; load the model from a folder with its "
                    + $"config.json.");
        return new ClipTextOptions
        {
            VocabularySize = (int)tokens[0],
            Positions = (int)Shape(source, "text_model.embeddings.position_embedding.weight")[0],
            Width = (int)width,
            Layers = Count(source, ClipLayer()),
            Heads = (int)(width / head),
            MlpWidth = (int)Shape(source, "text_model.encoder.layers.0.mlp.fc1.weight")[0],
            ProjectionWidth = (int)Shape(source, "text_projection.weight")[0],
            Activation = isBig ? ClipActivation.Gelu : ClipActivation.QuickGelu,
            EndTokenId = isBig ? (int)tokens[0] - 1 : 2,
        };
    }

    public static T5EncoderOptions T5(ITensorSource source)
    {
        var tokens = Shape(source, "shared.weight");
        var biases = Shape(source, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
        return new T5EncoderOptions
        {
            VocabularySize = (int)tokens[0],
            Width = (int)tokens[1],
            Layers = Count(source, T5Block()),
            Heads = (int)biases[1],
            HeadDim = (int)(Shape(source, "encoder.block.0.layer.0.SelfAttention.q.weight")[0] / biases[1]),
            MlpWidth = (int)Shape(source, "encoder.block.0.layer.1.DenseReluDense.wi_0.weight")[0],
            Buckets = (int)biases[0],
        };
    }

    private static IReadOnlyList<long> Shape(ITensorSource source, string key) =>
        source.Entries.TryGetValue(key, out var entry) ? entry.Shape
        : throw new InvalidDataException($"{source.Path} lacks '{key}'.");

    private static int Count(ITensorSource source, Regex pattern) =>
        1 + source.Entries.Keys.Select(k => pattern.Match(k)).Where(m => m.Success)
        .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max();

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);

    [GeneratedRegex(@"^transformer_blocks\.(\d+)\.")]
    private static partial Regex TransformerBlock();

    [GeneratedRegex(@"^transformer_blocks\.(\d+)\.attn2\.to_q\.weight$")]
    private static partial Regex DualBlock();

    [GeneratedRegex(@"^encoder\.down_blocks\.(\d+)\.")]
    private static partial Regex VaeBlock();

    [GeneratedRegex(@"^encoder\.down_blocks\.0\.resnets\.\d+\.conv1\.weight$")]
    private static partial Regex FirstVaeLayers();

    [GeneratedRegex(@"^text_model\.encoder\.layers\.(\d+)\.")]
    private static partial Regex ClipLayer();

    [GeneratedRegex(@"^encoder\.block\.(\d+)\.")]
    private static partial Regex T5Block();
}
