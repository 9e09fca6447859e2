using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The residual network of the image RealNVP: weight-normalised convolutions, batch norm, skips from every block (Dinh et al. 2017, section
/// 4.1).
/// </summary>
internal sealed class RealNvpConditioner : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly long _context;
    private readonly bool _doubled;
    [ComponentName(Name = "in_norm")]
    private readonly BatchNorm2d _inNorm;
    [ComponentName(Name = "in_conv")]
    private readonly WeightNormConvolution _inConv;
    [ComponentName(Name = "in_skip")]
    private readonly WeightNormConvolution _inSkip;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<Block> _blocks;
    [ComponentName(Name = "skips")]
    private readonly ModuleList<WeightNormConvolution> _skips;
    [ComponentName(Name = "out_norm")]
    private readonly BatchNorm2d _outNorm;
    [ComponentName(Name = "out_conv")]
    private readonly WeightNormConvolution _outConv;

    /// <param name="channels">Channels of the input.</param>
    /// <param name="width">Channels inside.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="blocks">Residual blocks.</param>
    /// <param name="doubled">Doubles the normalised input, half of which a checkerboard has set to zero.</param>
    /// <param name="context">Features of a context, spread over all positions.</param>
    public RealNvpConditioner(long channels, long width, long outputs, int blocks, bool doubled, long context)
        : base(nameof(RealNvpConditioner))
    {
        _context = context;
        _doubled = doubled;
        _inNorm = nn.BatchNorm2d(channels);
        _inConv = new WeightNormConvolution(2 * channels + context, width, 3);
        _inSkip = new WeightNormConvolution(width, width, 1);
        _blocks = new ModuleList<Block>([.. Enumerable.Range(0, blocks).Select(_ => new Block(width))]);
        _skips =
            new ModuleList<WeightNormConvolution>([.. Enumerable.Range(0, blocks).Select(_ => new WeightNormConvolution(width, width, 1))]);
        _outNorm = nn.BatchNorm2d(width);
        _outConv = new WeightNormConvolution(width, outputs, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor? context)
    {
        using var scope = NewDisposeScope();
        var h = _inNorm.call(input);
        if (_doubled) h = h * 2;
        h = _inConv.call(Conditioner.Joined(cat([h, -h], 1).relu(), context, _context));
        var sum = _inSkip.call(h);
        for (var i = 0; i < _blocks.Count; i++)
        {
            h = _blocks[i].call(h);
            sum = sum + _skips[i].call(h);
        }
        return _outConv.call(_outNorm.call(sum).relu()).MoveToOuterDisposeScope();
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "in_norm")]
        private readonly BatchNorm2d _inNorm;
        [ComponentName(Name = "in_conv")]
        private readonly WeightNormConvolution _inConv;
        [ComponentName(Name = "out_norm")]
        private readonly BatchNorm2d _outNorm;
        [ComponentName(Name = "out_conv")]
        private readonly WeightNormConvolution _outConv;

        public Block(long width)
            : base(nameof(Block))
        {
            _inNorm = nn.BatchNorm2d(width);
            _inConv = new WeightNormConvolution(width, width, 3, bias: false);
            _outNorm = nn.BatchNorm2d(width);
            _outConv = new WeightNormConvolution(width, width, 3);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var h = _inConv.call(_inNorm.call(input).relu());
            return (_outConv.call(_outNorm.call(h).relu()) + input).MoveToOuterDisposeScope();
        }
    }
}
