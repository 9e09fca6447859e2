using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Judges overlapping patches of an image (Isola et al. 2016): [N, C, H, W] to logits [N, 1, h, w], greater for real. The adversary of a
/// VQGAN.
/// </summary>
public sealed class PatchDiscriminator : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "main")]
    private readonly Sequential _layers;
    private readonly long _channels;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="width">Channels of the first layer; doubled by each that follows, up to 8 times.</param>
    /// <param name="layers">Layers of stride 2.</param>
    /// <param name="generator">Source of the weights.</param>
    public PatchDiscriminator(long channels, long width = 64, int layers = 2, Generator? generator = null)
        : base(nameof(PatchDiscriminator))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 4);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        _channels = channels;
        var stack = new List<nn.Module<Tensor, Tensor>> { nn.Conv2d(channels, width, 4, stride: 2, padding: 1), nn.LeakyReLU(0.2) };
        var from = width;
        for (var i = 1; i <= layers; i++)
        {
            var to = width * Math.Min(1 << i, 8);
            // Group norm where batch norm is usual: a judgement must not depend on the other images of the batch.
            stack.AddRange([nn.Conv2d(from, to, 4, stride: i < layers ? 2 : 1, padding: 1), Norms.GroupNorm(Math.Min(8, to / 4), to),
                nn.LeakyReLU(0.2)]);
            from = to;
        }
        stack.Add(nn.Conv2d(from, 1, 4, padding: 1));
        _layers = nn.Sequential(stack);
        using var own = generator is null ? new Generator(0) : null;
        using var noGrad = no_grad();
        foreach (var (name, parameter) in _layers.named_parameters())
        {
            if (parameter.dim() == 4) Initialize.Normal(parameter, 0, 0.02, generator ?? own);
            else if (name.EndsWith("bias", StringComparison.Ordinal)) parameter.zero_();
        }
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _channels));
        return _layers.call(input);
    }
}
