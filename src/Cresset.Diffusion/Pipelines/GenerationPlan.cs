using System.Globalization;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>One network in a <see cref="GenerationPlan"/>.</summary>
/// <param name="Name">transformer, vae, clip-l, clip-g or t5.</param>
/// <param name="Parameters">Number of values; 0 where the part is left out.</param>
/// <param name="Stored">Element types in the files.</param>
/// <param name="Mapped">Bytes that stay in the mapped files: the operating system reads them when they are needed and may drop them
/// again.</param>
/// <param name="Allocated">Bytes in memory of their own, because the element type changes.</param>
/// <param name="Lifetime">Until when it is kept.</param>
public sealed record PlannedPart(string Name, long Parameters, string Stored, long Mapped, long Allocated, string Lifetime);

/// <summary>
/// What a run on a CPU will take, told from a checkpoint's headers, the size of the pictures and this machine before anything is read:
/// where each network's weights are held, when the text encoders go, tiles for the decoder, the most memory expected.
/// </summary>
/// <param name="Parts">The networks.</param>
/// <param name="Tile">Side of the tiles in which the autoencoder works, in pixels, or null for whole pictures.</param>
/// <param name="Text">Most bytes while prompts are encoded, mapped files left out.</param>
/// <param name="Sampling">Most bytes while steps are made.</param>
/// <param name="Decoding">Most bytes while pictures are decoded.</param>
/// <param name="Machine">Memory of this machine (or its container) in bytes.</param>
public sealed record GenerationPlan(IReadOnlyList<PlannedPart> Parts, int? Tile, long Text, long Sampling, long Decoding, long Machine)
{
    /// <summary>What the user should know.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Bytes of files that are mapped, read as they are needed.</summary>
    public long Mapped => Parts.Sum(p => p.Mapped);

    /// <summary>The most memory expected at any time, in bytes, without the pages of mapped files.</summary>
    public long Peak => Math.Max(Text, Math.Max(Sampling, Decoding));

    /// <summary>The plan in one line.</summary>
    public string Line =>
        string.Create(CultureInfo.InvariantCulture,
            $"at most {Gigabytes(Peak)} of {Gigabytes(Machine)} (text {Gigabytes(Text)}, steps {Gigabytes(Sampling)}, decoding "
                + $"{Gigabytes(Decoding)}{(Tile is { } side ? $" in tiles of {side}" : "")}), {Gigabytes(Mapped)} mapped from files");

    /// <summary>Plans a run; nothing but headers is read.</summary>
    /// <param name="path">The checkpoint, as for <see cref="StableDiffusion3.Load"/>.</param>
    /// <param name="load">How it will be loaded.</param>
    /// <param name="options">What will be made.</param>
    /// <param name="memory">Bytes to plan for; null is this machine's memory.</param>
    /// <exception cref="ArgumentException">The checkpoint does not allow this size or these blocks.</exception>
    /// <exception cref="InvalidDataException">The path is not a Stable Diffusion 3 checkpoint or a file is damaged.</exception>
    /// <exception cref="CheckpointException">Tensors are missing or have other shapes.</exception>
    public static GenerationPlan Of(string path, LoadOptions? load = null, GenerationOptions? options = null, long? memory = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        load = (load ?? new LoadOptions()).Checked();
        options = (options ?? new GenerationOptions()).ThrowIfInvalid();
        using var files = CheckpointFiles.Open(path, load);
        if (files.Vae is not { } autoencoder) throw PartLoader.NoAutoencoder(files);
        using var scope = NewDisposeScope();
        var sizes = PartLoader.Transformer(files);
        var vae = PartLoader.Autoencoder(autoencoder);
        StableDiffusion3.CheckSizes(sizes, vae, options);
        var parts = new List<PlannedPart>
        {
            Part("transformer", files.Transformer, new MmDit(sizes, WeightPlace.Nowhere), load, load.EightBits, "to the last step"),
            Part("vae", autoencoder, new Vae(vae, WeightPlace.Nowhere), load with { Dtype = ScalarType.Float32 }, false, "to the end"),
        };
        const string untilEncoded = "until prompts are encoded";
        var clipL = files.ClipL is null ? null : PartLoader.Clip(files.ClipL, false, sizes.HeadDim);
        var clipG = files.ClipG is null ? null : PartLoader.Clip(files.ClipG, true, sizes.HeadDim);
        var usesT5 = files.T5 is not null && files.T5Tokenizer is not null;
        var t5 = usesT5 ? PartLoader.T5(files.T5!) : null;
        StableDiffusion3.CheckText(sizes, clipL, clipG, t5, options);
        if (clipL is not null)
            parts.Add(Part("clip-l", files.ClipL!, new ClipTextEncoder(clipL, WeightPlace.Nowhere), load, false, untilEncoded));
        if (clipG is not null)
            parts.Add(Part("clip-g", files.ClipG!, new ClipTextEncoder(clipG, WeightPlace.Nowhere), load, false, untilEncoded));
        if (t5 is not null) parts.Add(Part("t5", files.T5!, new T5Encoder(t5, WeightPlace.Nowhere), load, load.EightBits, untilEncoded));

        var machine = memory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        long all = parts.Sum(p => p.Allocated), kept = parts.Take(2).Sum(p => p.Allocated);
        var batch = (options.Guidance.IsOn ? 2L : 1) * options.Count;
        var unit = vae.Downscale * sizes.PatchSize;
        var tokens = ((long)options.Width / unit * (options.Height / unit)) + 77 + options.T5Length;
        // Of a block: queries, keys, values, the hidden layer of the MLP (four widths) and about six streams beside it, in single
        // precision.
        var step = batch * tokens * sizes.Width * 13 * 4;
        var words = usesT5 ? options.T5Length * (long)sizes.TextWidth * 4 * 16 : 0;
        var tile = Tiles(vae, options, machine);
        var decoded = Decoded(vae, tile ?? options.Width, tile ?? options.Height)
            + (options.Count * 2L * 12 * options.Width * options.Height);
        var plan = new GenerationPlan(parts, tile, all + words, kept + step, kept + decoded, machine);
        var notes = new List<string>(files.Notes);
        if (plan.Peak > machine * 0.95)
            notes.Add($"this needs more memory than there is ({Gigabytes(plan.Peak)} of {Gigabytes(machine)}): {Advice(plan, load)}");
        return plan with { Notes = notes };
    }

    /// <summary>Sets a loaded model's tiles as planned.</summary>
    public void Apply(StableDiffusion3 model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Vae.Tiling = Tile is { } side ? new VaeTiling(side, model.Vae.Options.Downscale) : null;
        // One picture at a time is as fast on a CPU, and memory does not grow with their number.
        model.Vae.Slicing = true;
    }

    // The decoder's peak lies where its last but one width meets the full size: about eight such tensors (8 kB per pixel for the released
    // autoencoder; 0.53, 1.84 and 8.4 GB were measured for 256, 512 and 1024 pixels per side).
    internal static long Decoded(VaeOptions vae, long width, long height) =>
        width * height * vae.BlockChannels[Math.Min(1, vae.BlockChannels.Count - 1)] * 4 * 8;

    // Whole pictures where an eighth of the memory is enough for them: that depends on the machine and the size alone, so that a seed makes
    // the same picture however busy the machine is.
    internal static int? Tiles(VaeOptions vae, GenerationOptions options, long memory)
    {
        if (Decoded(vae, options.Width, options.Height) <= memory / 8) return null;
        var side = 512;
        while (side > 256 && Decoded(vae, side, side) > memory / 8) side -= 64;
        return side < Math.Max(options.Width, options.Height) ? side : null;
    }

    // Only weights of the very type stay in the file: bfloat16 and float16 have one size but are converted into each other.
    private static string StoredName(ScalarType type) =>
        type switch { ScalarType.Float32 => "F32", ScalarType.Float16 => "F16", ScalarType.BFloat16 => "BF16", _ => "" };

    private static PlannedPart Part(string name, NetworkFiles files, nn.Module module, LoadOptions load, bool eightBits, string lifetime)
    {
        using var network = module;
        var source = files.Source;
        var report = WeightLoader.Compare(module, source);
        if (report.Missing.Count > 0 || report.MisShaped.Count > 0) throw new CheckpointException(source.Path, report);
        var widens = PartLoader.WidensHalf(source, load.Dtype, onCpu: true);
        long mapped = 0, allocated = 0, count = 0;
        var types = new Dictionary<string, long>();
        foreach (var (key, slot) in WeightLoader.Slots(module))
        {
            var entry = source.Entries[key];
            var (type, bytes) = source.StoredAs(key);
            types[type] = types.GetValueOrDefault(type) + entry.Count;
            count += entry.Count;
            var isMatrix = slot.Shape.Length == 2 && slot.Owner is Projection;
            var plain = type is "F32" or "F16" or "BF16";
            if (eightBits && isMatrix && (plain || !load.KeepPacked)) allocated += entry.Count;
            else if (!plain && load.Dtype is null && load.KeepPacked && slot.Owner.TakesPacked(slot.Name)) mapped += bytes;
            else if (load.Dtype is { } dtype) Add(type == StoredName(dtype), Size(dtype));
            else if (type == "F16" && widens) Add(false, 4);
            else Add(plain, type.StartsWith("F8", StringComparison.Ordinal) ? 2 : 4);

            void Add(bool stays, int size)
            {
                if (stays) mapped += bytes;
                else allocated += entry.Count * size;
            }
        }
        return new PlannedPart(name, count, string.Join(", ", types.OrderByDescending(t => t.Value).Select(t => t.Key)), mapped, allocated,
            lifetime);
    }

    private static int Size(ScalarType dtype) => dtype == ScalarType.Float32 ? 4 : 2;

    private static string Advice(GenerationPlan plan, LoadOptions load)
    {
        var ways = new List<string>();
        if (plan.Parts.Any(p => p.Name == "t5" && p.Allocated > plan.Machine / 10)) ways.Add("leave T5 out (--no-t5)");
        if (load.Dtype is not null) ways.Add("leave --dtype out, so that weights stay as they are stored");
        else if (plan.Parts[0].Allocated > plan.Machine / 3) ways.Add("use a bfloat16 or GGUF file, which is mapped");
        if (plan.Sampling - plan.Parts[0].Allocated > plan.Machine / 3) ways.Add("make fewer or smaller pictures");
        return ways.Count > 0 ? string.Join(", or ", ways) : "use a file with smaller weights (convert to .gguf with --gguf q4_k)";
    }

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB");
}
