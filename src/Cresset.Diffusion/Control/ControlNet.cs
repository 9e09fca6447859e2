using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// A ControlNet (Zhang et al. 2023) for Stable Diffusion 3: turns an encoded control picture into residuals for the transformer's image
/// stream. Keys are those of diffusers.
/// </summary>
public sealed class ControlNet : nn.Module
{
    [ComponentName(Name = "pos_embed")]
    private readonly PatchEmbedding? _patches;

    [ComponentName(Name = "time_text_embed")]
    private readonly TimeTextEmbedding _conditioning;

    [ComponentName(Name = "context_embedder")]
    private readonly Projection? _context;

    [ComponentName(Name = "transformer_blocks")]
    private readonly nn.Module _blocks;

    [ComponentName(Name = "controlnet_blocks")]
    private readonly ModuleList<Projection> _outputs;

    [ComponentName(Name = "pos_embed_input")]
    private readonly PatchEmbedding _control;

    /// <summary>Builds the net.</summary>
    public ControlNet(ControlNetOptions options, WeightPlace? place = null)
        : base(nameof(ControlNet))
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.ThrowIfInvalid();
        place ??= WeightPlace.Cpu;
        var sizes = options.Transformer;
        if (options.HasPatches) _patches = new PatchEmbedding(sizes, place);
        _conditioning = new TimeTextEmbedding(sizes, place);
        if (options.ReadsText)
        {
            _context = new Projection(sizes.TextWidth, sizes.Width, true, place);
            _blocks =
                new ModuleList<JointBlock>(
                    [.. Enumerable.Range(0, sizes.Layers).Select(i => new JointBlock(sizes, i, isLast: false, place))]);
        }
        else
        {
            _blocks = new ModuleList<ImageBlock>([.. Enumerable.Range(0, sizes.Layers).Select(_ => new ImageBlock(sizes, place))]);
        }
        _outputs =
            new ModuleList<Projection>(
                [.. Enumerable.Range(0, sizes.Layers).Select(_ => new Projection(sizes.Width, sizes.Width, true, place))]);
        _control = new PatchEmbedding(sizes, place, hasPositions: false, options.ExtraChannels);
        if (!place.IsUnallocated)
        {
            // A fresh net changes nothing: what enters and leaves starts at zero.
            using var noGrad = no_grad();
            _control.Kernel.zero_();
            _control.KernelBias?.zero_();
            for (var i = 0; i < _outputs.Count; i++)
            {
                _outputs[i].Weight.zero_();
                _outputs[i].Bias?.zero_();
            }
        }
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public ControlNetOptions Options { get; }

    /// <summary>Keys of its file that nothing in the network uses.</summary>
    public IReadOnlyList<string> Unused { get; private set; } = [];

    /// <summary>Loads a diffusers folder.</summary>
    public static ControlNet Load(string folder, ScalarType? dtype = null, Device? device = null, CancellationToken cancellation = default)
    {
        var config = Path.Combine(folder, "config.json");
        var net = new ControlNet(SdConfig.ControlNet(ConfigJson.Read(config), config), WeightPlace.Nowhere);
        try
        {
            using var source = ModelFiles.Open(folder, "diffusion_pytorch_model");
            net.Unused = WeightLoader.Load(net, source, dtype, device, cancellation).Unexpected;
            return net;
        }
        catch
        {
            net.Dispose();
            throw;
        }
    }

    /// <summary>One residual a block, each [N, tokens, width].</summary>
    /// <param name="transformer">The transformer that will use them; lends its patches to nets without their own.</param>
    /// <param name="latents">[N, C, H, W].</param>
    /// <param name="control">The encoded control picture, [N or 1, C + extra, H, W].</param>
    /// <param name="times">[N], 0..1000.</param>
    /// <param name="context">[N, T, D].</param>
    /// <param name="pooled">[N, P].</param>
    /// <param name="scale">Strength of the control.</param>
    public IReadOnlyList<Tensor> Residuals(MmDit transformer, Tensor latents, Tensor control, Tensor times, Tensor context, Tensor pooled,
        double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        if (transformer.Options.Width != Options.Transformer.Width)
            throw new ArgumentException(
                $"This ControlNet has width {Options.Transformer.Width}, the transformer {transformer.Options.Width}: it was made for "
                    + $"another model.", nameof(transformer));
        using var scope = NewDisposeScope();
        var dtype = HalfPrecision.ComputeType(_conditioning.parameters().First());
        var p = (Options.ZeroPooled ? zeros_like(pooled) : pooled).to(dtype);
        var activated = nn.functional.silu(_conditioning.call(times, p));
        var x = (_patches is null ? transformer.Patches(latents).to(dtype) : _patches.call(latents.to(dtype)))
            + _control.call(control.to(dtype));
        var y = _context?.call(context.to(dtype));
        var result = new List<Tensor>();
        for (var i = 0; i < Options.Transformer.Layers; i++)
        {
            if (_blocks is ModuleList<JointBlock> joint)
            {
                var (image, text) = joint[i].call(x, y!, activated);
                (x, y) = (image, text!);
            }
            else
            {
                x = ((ModuleList<ImageBlock>)_blocks)[i].call(x, activated);
            }
            result.Add(_outputs[i].call(x).mul_(scale).MoveToOuterDisposeScope());
        }
        return result;
    }
}
