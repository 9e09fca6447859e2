using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>ActNorm, invertible 1x1 convolution, coupling (Glow, figure 2a); keys as in glow-pytorch.</summary>
internal sealed class GlowStep : FlowTransform
{
    [ComponentName(Name = "actnorm")]
    private readonly ActNorm _actNorm;
    [ComponentName(Name = "invconv")]
    private readonly FlowTransform _convolution;
    [ComponentName(Name = "coupling")]
    private readonly GlowCoupling _coupling;

    public GlowStep(long channels, GlowOptions options, bool lu)
        : base(nameof(GlowStep))
    {
        _actNorm = new ActNorm(channels, images: true);
        _convolution = lu ? new LuConvolution(channels) : new InvertibleConvolution(channels);
        _coupling = new GlowCoupling(channels, options);
        RegisterComponents();
    }

    public override bool TakesContext => _coupling.TakesContext;

    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (a, la) = _actNorm.Forward(x);
        var (b, lb) = _convolution.Forward(a);
        var (c, lc) = _coupling.Forward(b, context);
        return Move(c, la + lb + lc);
    }

    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (c, lc) = _coupling.Inverse(z, context);
        var (b, lb) = _convolution.Inverse(c);
        var (a, la) = _actNorm.Inverse(b);
        return Move(a, la + lb + lc);
    }
}

/// <summary>Glow's coupling of channel halves: the network's outputs are [log s | t], z_b = (x_b + t) sigmoid(log s + 2).</summary>
internal sealed class GlowCoupling : FlowTransform
{
    private readonly bool _affine;
    [ComponentName(Name = "net")]
    private readonly Conditioner _network;

    public GlowCoupling(long channels, GlowOptions options)
        : base(nameof(GlowCoupling))
    {
        _affine = options.Affine;
        _network = new GlowConditioner(channels / 2, _affine ? channels : channels / 2, options.Width, options.Context);
        RegisterComponents();
    }

    public override bool TakesContext => _network.TakesContext;

    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var halves = x.chunk(2, 1);
        var raw = _network.call(halves[0], context);
        if (!_affine) return Move(cat([halves[0], halves[1] + raw], 1), zeros(x.size(0), dtype: x.dtype, device: x.device));
        var parts = raw.chunk(2, 1);
        var shifted = parts[0] + 2;
        var mapped = (halves[1] + parts[1]) * shifted.sigmoid();
        return Move(cat([halves[0], mapped], 1), SumPerSample(nn.functional.logsigmoid(shifted)));
    }

    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var halves = z.chunk(2, 1);
        var raw = _network.call(halves[0], context);
        if (!_affine) return Move(cat([halves[0], halves[1] - raw], 1), zeros(z.size(0), dtype: z.dtype, device: z.device));
        var parts = raw.chunk(2, 1);
        var shifted = parts[0] + 2;
        return Move(cat([halves[0], halves[1] / shifted.sigmoid() - parts[1]], 1), -SumPerSample(nn.functional.logsigmoid(shifted)));
    }
}

/// <summary>One scale: squeeze, steps, and the learned prior of the half that is split off.</summary>
internal sealed class GlowBlock : nn.Module
{
    private readonly bool _recompute;
    private readonly FlowTransform[] _steps;
    [ComponentName(Name = "flows")]
    private readonly ModuleList<FlowTransform> _flows;
    [ComponentName(Name = "prior")]
    private readonly ZeroConvolution _prior;

    public GlowBlock(int channels, GlowOptions options, bool split, bool lu)
        : base(nameof(GlowBlock))
    {
        Split = split;
        _recompute = options.RecomputeActivations;
        _steps = [.. Enumerable.Range(0, options.Steps).Select(_ => new GlowStep(channels * 4, options, lu))];
        _flows = new ModuleList<FlowTransform>(_steps);
        _prior = split ? new ZeroConvolution(channels * 2, channels * 4) : new ZeroConvolution(channels * 4, channels * 8);
        RegisterComponents();
    }

    public bool Split { get; }

    public Tensor Like => _prior.Like;

    public string? RecomputationFallback { get; private set; }

    /// <summary>What goes on (null at the last scale), the latent, and the log-determinant of the steps.</summary>
    public (Tensor? Remaining, Tensor Latent, Tensor LogDet) Encode(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        Tensor current = Squeeze.Apply(x), total;
        if (_recompute && is_grad_enabled())
        {
            (current, total) = ReversibleChain.Forward(_steps, current, context, reason => RecomputationFallback = reason);
        }
        else
        {
            total = zeros(x.size(0), dtype: x.dtype, device: x.device);
            foreach (var step in _steps)
            {
                var (output, log) = step.Forward(current, context);
                current = output;
                total = total + log;
            }
        }
        if (!Split) return (null, current.MoveToOuterDisposeScope(), total.MoveToOuterDisposeScope());
        var halves = current.chunk(2, 1);
        return (halves[0].MoveToOuterDisposeScope(), halves[1].MoveToOuterDisposeScope(), total.MoveToOuterDisposeScope());
    }

    /// <summary>The images, and the log-determinant of the inverse.</summary>
    public (Tensor Images, Tensor LogDet) Decode(Tensor? rest, Tensor latent, Tensor? context)
    {
        using var scope = NewDisposeScope();
        Tensor current = rest is null ? latent.alias() : cat([rest, latent], 1),
            total = zeros(latent.size(0), dtype: latent.dtype, device: latent.device);
        for (var i = _steps.Length - 1; i >= 0; i--)
        {
            var (output, log) = _steps[i].Inverse(current, context);
            current = output;
            total = total + log;
        }
        return (Squeeze.Undo(current).MoveToOuterDisposeScope(), total.MoveToOuterDisposeScope());
    }

    /// <summary>Mean and log-deviation of the latent, from what goes on; at the last scale from nothing.</summary>
    public (Tensor Mean, Tensor LogDeviation) Prior(Tensor given)
    {
        using var scope = NewDisposeScope();
        var parts = _prior.call(given).chunk(2, 1);
        return (parts[0].MoveToOuterDisposeScope(), parts[1].MoveToOuterDisposeScope());
    }
}
