using Cresset.Flows;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// One model of the comparison over pictures: how it is trained, draws by class with a number of evaluations, and whether it has a
/// likelihood.
/// </summary>
internal abstract class PictureContender(nn.Module module, int steps) : IDisposable
{
    public nn.Module Module => module;

    public int Steps => steps;

    /// <summary>The loss of pictures in 0..1 with their classes.</summary>
    public abstract Tensor Loss(Tensor pictures, Tensor labels, Generator generator);

    /// <summary>Ways to draw pictures in 0..1 of some classes, with the evaluations of the network that a picture costs.</summary>
    public abstract IEnumerable<(string Sampler, long Evaluations, Func<Tensor, Generator, Tensor> Draw)> Samplers();

    /// <summary>
    /// Bits per dimension of pictures and the evaluations they cost; null where there is no density of the pictures themselves.
    /// </summary>
    public virtual (double Bits, long Evaluations)? Likelihood(Tensor pictures, Tensor labels, Generator generator) => null;

    public void Dispose()
    {
        module.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Bits per dimension of byte pictures from nats of them in -1..1.</summary>
    protected static double Bits(Tensor log, long dimensions) => DensityModel.BitsPerDimension(log.mean().ToDouble(), dimensions, 128);

    /// <summary>Pictures in -1..1 whose 256 levels are filled by uniform noise.</summary>
    protected static Tensor Dequantized(Tensor pictures, Generator generator)
    {
        using var scope = NewDisposeScope();
        return ((Dequantization.Uniform((pictures * 255).round(), 256, generator) * 2) - 1).MoveToOuterDisposeScope();
    }

    protected static Tensor Shown(Tensor values) => ((values + 1) / 2).clamp(0, 1);

    /// <summary>Labels, a share of which becomes the one that stands for none.</summary>
    protected static Tensor Dropped(Tensor labels, int none, Generator generator) =>
        where(rand(labels.size(0), generator: generator) < 0.1, full_like(labels, none), labels);
}

/// <summary>A transformer flow, over uniform noise (a density of the pictures) or over Gaussian noise (which drawing takes away).</summary>
internal sealed class TarFlowContender(TarFlow flow, int steps, double noise, double guidance) : PictureContender(flow, steps)
{
    private readonly long _dimensions = (long)flow.Options.Channels * flow.Options.Size * flow.Options.Columns;

    public override Tensor Loss(Tensor pictures, Tensor labels, Generator generator)
    {
        var x = noise == 0 ? Dequantized(pictures, generator) : (pictures * 2) - 1 + (randn(pictures.shape, generator: generator) * noise);
        return -flow.LogProb(x, Dropped(labels, flow.Options.Classes, generator)).mean() / _dimensions;
    }

    public override IEnumerable<(string Sampler, long Evaluations, Func<Tensor, Generator, Tensor> Draw)> Samplers()
    {
        yield return ("patch by patch", flow.Options.Blocks, (labels, generator) =>
        {
            var drawn = flow.SampleGuided(labels.size(0), labels, guidance - 1, generator: generator);
            return Shown(noise == 0 ? drawn : flow.Denoise(drawn, noise, labels));
        }
        );
    }

    public override (double Bits, long Evaluations)? Likelihood(Tensor pictures, Tensor labels, Generator generator)
        => noise == 0 ? (Bits(flow.LogProb(Dequantized(pictures, generator), labels), _dimensions), flow.Options.Blocks) : null;
}

/// <summary>A class-conditional U-Net over pictures; the label after the last class stands for none.</summary>
internal sealed class PictureField : nn.Module, IVelocityModel
{
    private readonly int _classes;
    [ComponentName(Name = "net")]
    private readonly ConditionedUNet _net;

    public PictureField(int channels, int classes, int width)
        : base(nameof(PictureField))
    {
        _classes = classes;
        _net = new ConditionedUNet(channels, channels,
            new UNetOptions { Channels = [width, 2 * width], BlocksPerLevel = 1, Norm = new GroupNormOptions { Groups = 8 } },
            classes: classes + 1, timeScale: 1000);
        RegisterComponents();
    }

    public int None => _classes;

    /// <inheritdoc/>
    public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) =>
        _net.call(state, time, context ?? full(state.size(0), _classes, dtype: ScalarType.Int64));
}

/// <summary>
/// Flow matching with a U-Net, paired at random or by transport inside each class; its likelihood is that of the continuous flow it
/// defines.
/// </summary>
internal sealed class PictureMatchingContender(PictureField field, int steps, bool transport, double guidance, long[] shape)
    : PictureContender(field, steps)
{
    private const int LikelihoodSteps = 12;

    public override Tensor Loss(Tensor pictures, Tensor labels, Generator generator)
    {
        var data = Dequantized(pictures, generator);
        var source = randn(data.shape, generator: generator);
        if (transport) source = OptimalTransport.Couple(source, data, labels);
        var pairs = FlowMatching.Draw(source, data, density: TimestepDensity.LogitNormal, generator: generator);
        return FlowMatching.Loss(field.Velocity(pairs.State, pairs.Time, Dropped(labels, field.None, generator)), pairs.Velocity);
    }

    public override IEnumerable<(string Sampler, long Evaluations, Func<Tensor, Generator, Tensor> Draw)> Samplers()
    {
        foreach (var count in new[] { 1, 4, 16 })
        {
            yield return ($"Euler {count}", count, (labels, generator) =>
            {
                var guided = ((IVelocityModel)field).Guided(labels, full_like(labels, field.None), guidance);
                return Shown(FlowSampler.Sample(guided, randn([labels.size(0), .. shape], generator: generator), FlowSampler.Grid(count)));
            }
            );
        }
    }

    public override (double Bits, long Evaluations)? Likelihood(Tensor pictures, Tensor labels, Generator generator)
    {
        var flow = new ContinuousFlow(field, new NormalBase(shape),
            new CnfOptions { Solver = OdeOptions.Fixed(OdeMethod.Rk4, LikelihoodSteps) }, Divergence.Rademacher(generator));
        var log = flow.LogProb(Dequantized(pictures, generator), labels);
        return (Bits(log, pictures.numel() / pictures.size(0)), flow.LastStatistics.Evaluations);
    }
}

/// <summary>The same U-Net as a denoiser with DDIM's steps.</summary>
internal sealed class PictureDiffusionContender(PictureField field, int steps, double guidance, long[] shape)
    : PictureContender(field, steps)
{
    private readonly GaussianDiffusion _diffusion = new();

    public override Tensor Loss(Tensor pictures, Tensor labels, Generator generator)
    {
        var kept = Dropped(labels, field.None, generator);
        return _diffusion.Loss((x, time) => field.Velocity(x, time, kept), (pictures * 2) - 1, generator);
    }

    public override IEnumerable<(string Sampler, long Evaluations, Func<Tensor, Generator, Tensor> Draw)> Samplers()
    {
        foreach (var count in new[] { 4, 16, 50 })
        {
            yield return ($"DDIM {count}", count, (labels, generator) =>
            {
                var none = full_like(labels, field.None);
                Tensor Guided(Tensor x, Tensor time)
                {
                    var parts = field.Velocity(cat([x, x]), cat([time, time]), cat([labels, none])).chunk(2, 0);
                    return parts[1] + ((parts[0] - parts[1]) * guidance);
                }
                return Shown(_diffusion.Sample(Guided, randn([labels.size(0), .. shape], generator: generator), count, clip: 1));
            }
            );
        }
    }
}
