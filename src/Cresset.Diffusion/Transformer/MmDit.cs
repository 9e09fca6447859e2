using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// The multimodal diffusion transformer of Stable Diffusion 3 and 3.5 (Esser et al. 2024): text and image tokens, each with their own
/// weights, attend to one another. Predicts the velocity (noise - data). Keys are those of the diffusers folders.
/// </summary>
public sealed class MmDit : nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor>, IComputesInWeightType
{
    [ComponentName(Name = "pos_embed")]
    private readonly PatchEmbedding _patches;

    [ComponentName(Name = "time_text_embed")]
    private readonly TimeTextEmbedding _conditioning;

    [ComponentName(Name = "context_embedder")]
    private readonly Projection _context;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<JointBlock> _blocks;

    [ComponentName(Name = "norm_out")]
    private readonly Modulation _finalModulation;

    [ComponentName(Name = "proj_out")]
    private readonly Projection _out;

    private ScalarType? _compute;

    /// <summary>Builds the network; <paramref name="place"/> decides element type, device and source of the initial weights.</summary>
    /// <exception cref="InvalidOptionsException">The sizes are not allowed.</exception>
    public MmDit(MmDitOptions options, WeightPlace? place = null)
        : base(nameof(MmDit))
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.ThrowIfInvalid();
        place ??= WeightPlace.Cpu;
        _patches = new PatchEmbedding(options, place);
        _conditioning = new TimeTextEmbedding(options, place);
        _context = new Projection(options.TextWidth, options.Width, true, place);
        _blocks =
            new ModuleList<JointBlock>(
                [.. Enumerable.Range(0, options.Layers).Select(i => new JointBlock(options, i, i == options.Layers - 1, place))]);
        _finalModulation = new Modulation(options.Width, 2, place);
        _out = new Projection(options.Width, options.PatchSize * options.PatchSize * options.OutChannels, true, place);
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public MmDitOptions Options { get; }

    /// <summary>
    /// Element type of the computation: that of the weights; float32 for half-precision weights on CPUs without instructions for them;
    /// for packed weights bfloat16 or float32, whichever the processor multiplies fastest. May be set to either for packed weights.
    /// </summary>
    public ScalarType ComputeDtype
    {
        get => _blocks[0].IsPacked ? _compute ?? HalfPrecision.ForPacked : HalfPrecision.ComputeType(_context.Bias!);
        set => _compute = HalfPrecision.CheckPacked(value);
    }

    /// <summary>Velocity of the latents.</summary>
    /// <param name="latents">[N, C, H, W]; H and W multiples of the patch.</param>
    /// <param name="times">[N], 0 (data) to 1000 (noise), in single precision.</param>
    /// <param name="context">Text embeddings, [N, T, <see cref="MmDitOptions.TextWidth"/>].</param>
    /// <param name="pooled">Pooled text, [N, <see cref="MmDitOptions.PooledWidth"/>].</param>
    /// <returns>[N, <see cref="MmDitOptions.OutChannels"/>, H, W].</returns>
    public override Tensor forward(Tensor latents, Tensor times, Tensor context, Tensor pooled) => Forward(latents, times, context, pooled);

    /// <summary>As <see cref="forward(Tensor, Tensor, Tensor, Tensor)"/>, with blocks left out or a ControlNet's residuals added.</summary>
    /// <param name="latents">[N, C, H, W].</param>
    /// <param name="times">[N].</param>
    /// <param name="context">[N, T, <see cref="MmDitOptions.TextWidth"/>].</param>
    /// <param name="pooled">[N, <see cref="MmDitOptions.PooledWidth"/>].</param>
    /// <param name="skipLayers">Blocks to leave out (skip-layer guidance).</param>
    /// <param name="residuals">Image-stream residuals, each [N, tokens, width], spread evenly over the blocks; none is added after the
    /// last.</param>
    /// <exception cref="ShapeException">A shape does not fit.</exception>
    public Tensor Forward(Tensor latents, Tensor times, Tensor context, Tensor pooled, IReadOnlyCollection<int>? skipLayers = null,
        IReadOnlyList<Tensor>? residuals = null)
    {
        Shape.Expect(latents, "N C H W", ("C", Options.InChannels));
        Shape.Expect(times, "N", ("N", latents.size(0)));
        Shape.Expect(context, "N T D", [("N", latents.size(0)), ("D", Options.TextWidth)]);
        Shape.Expect(pooled, "N P", [("N", latents.size(0)), ("P", Options.PooledWidth)]);
        long patch = Options.PatchSize, height = latents.size(2), width = latents.size(3);
        if (height % patch != 0 || width % patch != 0) throw Shape.Wrong(latents, $"height and width that are multiples of {patch}");
        using var scope = NewDisposeScope();
        var dtype = ComputeDtype;
        var x = _patches.call(latents.to(dtype));
        var activated = nn.functional.silu(_conditioning.call(times, pooled.to(dtype)));
        var y = _context.call(context.to(dtype));
        for (var i = 0; i < _blocks.Count; i++)
        {
            using var inner = NewDisposeScope();
            var isLast = i == _blocks.Count - 1;
            Tensor next = x;
            if (skipLayers is null || !skipLayers.Contains(i))
            {
                var (image, text) = _blocks[i].call(x, y, activated);
                next = image;
                if (text is not null) y = text.MoveToOuterDisposeScope();
            }
            if (residuals is { Count: > 0 } && !isLast)
                next = next + residuals[(int)(i / (_blocks.Count / (double)residuals.Count))].to(dtype);
            if (!ReferenceEquals(next, x)) x = next.MoveToOuterDisposeScope();
        }
        var final = _finalModulation.Chunks(activated);
        // Continuous AdaLN holds (scale, shift), unlike the blocks.
        var tokens = _out.call(Modulation.Apply(Modulation.Normalize(x), final[1], final[0]));
        return Unpatchify(tokens, height / patch, width / patch).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Draws all weights anew as the paper's training starts: linear maps Xavier-uniform with zero bias, modulations and output zero, so
    /// that every block begins as the identity.
    /// </summary>
    public void ResetForTraining(Generator generator)
    {
        using var noGrad = no_grad();
        foreach (var (_, module) in named_modules())
        {
            if (module is Projection projection)
            {
                Initialize.XavierUniform((TorchSharp.Modules.Parameter)projection.Weight, generator: generator);
                projection.Bias?.zero_();
            }
        }
        using var kernel = _patches.Kernel.view(Options.Width, -1);
        Initialize.XavierUniform(kernel, generator: generator);
        _patches.KernelBias?.zero_();
        foreach (var zeroed in _blocks.SelectMany(b => b.Modulations).Append(_finalModulation.Linear).Append(_out))
        {
            zeroed.Weight.zero_();
            zeroed.Bias?.zero_();
        }
    }

    internal (Tensor Positioned, Tensor Conditioning, Tensor Context) Embed(Tensor latents, Tensor times, Tensor context, Tensor pooled)
        => (_patches.call(latents.to(ComputeDtype)), _conditioning.call(times, pooled.to(ComputeDtype)),
            _context.call(context.to(ComputeDtype)));

    /// <summary>Patches with positions, [N, tokens, width]: what the 8B ControlNets read.</summary>
    internal Tensor Patches(Tensor latents) => _patches.call(latents.to(ComputeDtype));

    internal (Tensor Image, Tensor? Text) Block(int index, Tensor image, Tensor text, Tensor activated) =>
        _blocks[index].call(image, text, activated);

    // [N, h * w, p * p * c] to [N, c, h * p, w * p]
    private Tensor Unpatchify(Tensor tokens, long rows, long columns)
    {
        long patch = Options.PatchSize, channels = Options.OutChannels, count = tokens.size(0);
        return tokens.view(count, rows, columns, patch, patch, channels).permute(0, 5, 1, 3, 2, 4)
            .reshape(count, channels, rows * patch, columns * patch);
    }
}
