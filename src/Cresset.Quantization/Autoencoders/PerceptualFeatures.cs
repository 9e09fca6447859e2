using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Features by which pictures are compared as LPIPS compares them (Zhang et al. 2018, arXiv:1801.03924), of a net that needs no labels and
/// no downloaded weights:
/// it learns on the data's own pictures by how far they were turned (Gidaris et al. 2018, arXiv:1803.07728).
/// </summary>
public sealed class PerceptualFeatures : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "layers")]
    private readonly ModuleList<Conv2d> _layers = [];
    [ComponentName(Name = "norms")]
    private readonly ModuleList<GroupNorm> _norms = [];
    [ComponentName(Name = "turns")]
    private readonly Linear _turns;
    private readonly long _channels;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    /// <param name="channels">Channels of the pictures.</param>
    /// <param name="width">Channels of the first layer, a multiple of 4; doubled up to four times that.</param>
    /// <param name="generator">Source of the weights.</param>
    public PerceptualFeatures(long channels, long width = 32, Generator? generator = null)
        : base(nameof(PerceptualFeatures))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        if (width < 4 || width % 4 != 0) throw new ArgumentOutOfRangeException(nameof(width), width, "The width is a multiple of 4.");
        _channels = channels;
        var from = channels;
        foreach (var (to, stride) in new[] { (width, 1L), (2 * width, 2L), (4 * width, 2L), (4 * width, 2L) })
        {
            _layers.Add(nn.Conv2d(from, to, 3, stride: stride, padding: 1));
            _norms.Add(Norms.GroupNorm(4, to));
            from = to;
        }
        _turns = nn.Linear(from, 4);
        using var own = generator is null ? new Generator(0) : null;
        RegisterComponents();
        Initialize.Reset(this, generator ?? own!);
    }

    /// <summary>Logits [N, 4] of how far pictures [N, C, H, W] were turned: not, a quarter, a half, three quarters.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _turns.call(Stages(input)[^1].mean([2, 3])).MoveToOuterDisposeScope();
    }

    /// <summary>Mean cross-entropy of guessing how square pictures [N, C, S, S] were turned: picture i by i quarters.</summary>
    public Tensor Loss(Tensor pictures)
    {
        Shape.Expect(pictures, "N C H W", ("C", _channels));
        if (pictures.size(2) != pictures.size(3))
            throw Shape.Wrong(pictures, "square pictures", "Turned pictures must have the size of the others.");
        using var scope = NewDisposeScope();
        var turns = arange(pictures.size(0), dtype: ScalarType.Int64).remainder(4);
        var turned = stack([.. Enumerable.Range(0, (int)pictures.size(0)).Select(i => pictures[i].rot90(i % 4, (1, 2)))]);
        return nn.functional.cross_entropy(call(turned), turns.to(pictures.device)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// How far pictures look from one another: squared differences of features of length one at each place, averaged over places and
    /// pictures, added up over the layers. float scalar.
    /// </summary>
    public Tensor Distance(Tensor pictures, Tensor others)
    {
        Shape.Expect(pictures, "N C H W", ("C", _channels));
        if (!pictures.shape.SequenceEqual(others.shape)) throw Shape.Wrong(others, Shape.Text(pictures));
        using var scope = NewDisposeScope();
        return Stages(pictures).Zip(Stages(others), (a, b) => (Unit(a) - Unit(b)).square().sum(1).mean()).Aggregate((a, b) => a + b)
            .MoveToOuterDisposeScope();
    }

    private List<Tensor> Stages(Tensor x)
    {
        var stages = new List<Tensor>();
        x = (x * 2) - 1;
        for (var i = 0; i < _layers.Count; i++) stages.Add(x = _norms[i].call(_layers[i].call(x)).relu());
        return stages;
    }

    private static Tensor Unit(Tensor features) => features / (features.square().sum(1, true) + 1e-8).sqrt();
}
