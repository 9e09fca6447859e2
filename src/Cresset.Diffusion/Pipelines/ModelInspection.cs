using Cresset.Nn;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>One network of a checkpoint.</summary>
/// <param name="Name">transformer, vae, clip-l, clip-g or t5.</param>
/// <param name="Parameters">Number of values; 0 where the part is absent.</param>
/// <param name="Stored">Element types and their share of the values, such as "F16".</param>
/// <param name="StoredBytes">Bytes in the files.</param>
/// <param name="Description">Its sizes in words.</param>
/// <param name="Report">Keys missing, unexpected and mis-shaped against the network of these sizes.</param>
public sealed record InspectedPart(string Name, long Parameters, string Stored, long StoredBytes, string Description, LoadReport Report)
{
    /// <summary>True when the checkpoint has it.</summary>
    public bool IsPresent => Parameters > 0;

    /// <summary>True when it can be loaded.</summary>
    public bool IsComplete => IsPresent && Report.Missing.Count == 0 && Report.MisShaped.Count == 0;

    /// <summary>Bytes of the weights in memory for an element type of so many bytes.</summary>
    public long Memory(double bytesPerValue) => (long)(Parameters * bytesPerValue);
}

/// <summary>What a checkpoint holds, told from its headers: no weight is read.</summary>
/// <param name="Path">Folder or file.</param>
/// <param name="Model">Which released model it looks like.</param>
/// <param name="Layout">diffusers folder, original single file, GGUF.</param>
/// <param name="Parts">Its networks, absent ones too.</param>
public sealed record ModelInspection(string Path, string Model, string Layout, IReadOnlyList<InspectedPart> Parts)
{
    /// <summary>Looks at a checkpoint.</summary>
    /// <exception cref="InvalidDataException">It holds none of Stable Diffusion 3's networks; the message says what it looks
    /// like.</exception>
    public static ModelInspection Of(string path)
    {
        using var opened = ModelConversion.OpenParts(path, withText: true);
        var found = opened.Parts;
        if (found is { Transformer: null, Vae: null, ClipL: null, ClipG: null, T5: null })
        {
            if (Directory.Exists(path))
                throw new InvalidDataException(
                    $"{path} holds no folder of a Stable Diffusion 3 network (transformer, vae, text_encoder, ...).");
            using var source = ModelFiles.OpenFile(path);
            throw new InvalidDataException(
                $"{path} holds none of Stable Diffusion 3's networks: it looks like {CheckpointKind.Of(source)}.");
        }
        var sizes = found.Transformer is null ? null : ShapeInference.Transformer(found.Transformer);
        var head = sizes?.HeadDim ?? 64;
        var parts = new List<InspectedPart>
        {
            Part("transformer", found.Transformer, s => new MmDit(ShapeInference.Transformer(s), WeightPlace.Nowhere),
                s => Describe(ShapeInference.Transformer(s))),
            Part("vae", found.Vae, s => new Vae(ShapeInference.Autoencoder(s), WeightPlace.Nowhere),
                s => $"{ShapeInference.Autoencoder(s).LatentChannels} latent channels, blocks "
                    + $"{string.Join(", ", ShapeInference.Autoencoder(s).BlockChannels)}"),
            Part("clip-l", found.ClipL, s => new ClipTextEncoder(ShapeInference.Clip(s, false, head), WeightPlace.Nowhere),
                s => Describe(ShapeInference.Clip(s, false, head))),
            Part("clip-g", found.ClipG, s => new ClipTextEncoder(ShapeInference.Clip(s, true, head), WeightPlace.Nowhere),
                s => Describe(ShapeInference.Clip(s, true, head))),
            Part("t5", found.T5, s => new T5Encoder(ShapeInference.T5(s), WeightPlace.Nowhere),
                s => $"{ShapeInference.T5(s).Layers} layers, width {ShapeInference.T5(s).Width}"),
        };
        var layout = Directory.Exists(path) ? "diffusers folder" : path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? "GGUF file"
            : "single file";
        return new ModelInspection(path, sizes is null ? "no transformer" : Guess(sizes), layout, parts);
    }

    private static InspectedPart Part(string name, ITensorSource? source, Func<ITensorSource, nn.Module> build,
        Func<ITensorSource, string> describe)
    {
        if (source is null) return new InspectedPart(name, 0, "", 0, "absent", new LoadReport([], [], [], []));
        using var scope = NewDisposeScope();
        using var module = build(source);
        var report = WeightLoader.Compare(module, source);
        var entries = source.Entries.Where(e => !report.Unexpected.Contains(e.Key))
            .Select(e => (e.Value.Count, Stored: source.StoredAs(e.Key))).ToList();
        var stored = string.Join(", ", entries.GroupBy(e => e.Stored.Type).OrderByDescending(g => g.Sum(e => e.Count)).Select(g => g.Key));
        return new InspectedPart(name, module.parameters().Sum(p => p.numel()), stored, entries.Sum(e => e.Stored.Bytes), describe(source),
            report);
    }

    private static string Describe(MmDitOptions o) =>
        $"{o.Layers} blocks, width {o.Width}, {o.Heads} heads, {(o.QkNorm ? "QK norm" : "no QK norm")}"
            + $"{(o.DualAttentionLayers.Count > 0 ? $", dual attention in {o.DualAttentionLayers.Count} blocks" : "")}, positions "
            + $"{o.PositionTableSize}";

    private static string Describe(ClipTextOptions o) => $"{o.Layers} layers, width {o.Width}, {o.VocabularySize} tokens";

    private static string Guess(MmDitOptions o)
    {
        bool Same(MmDitOptions released) =>
            o with { DualAttentionLayers = [], SampleSize = released.SampleSize } == released with { DualAttentionLayers = [] }
                && o.DualAttentionLayers.SequenceEqual(released.DualAttentionLayers);
        return Same(MmDitOptions.Sd3Medium) ? "Stable Diffusion 3 medium" : Same(MmDitOptions.Sd35Medium) ? "Stable Diffusion 3.5 medium"
            : Same(MmDitOptions.Sd35Large) ? "Stable Diffusion 3.5 large (or large turbo)"
            : "a Stable Diffusion 3 transformer of other sizes";
    }
}
