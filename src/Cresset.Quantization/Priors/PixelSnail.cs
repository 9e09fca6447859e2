using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Causal convolutions for the neighbourhood and causal attention for everything before it. Features at a position are shifted so that they
/// depend on earlier codes only; attention may then look at all positions up to and including its own.
/// </summary>
public sealed class PixelSnail : CodePrior
{
    [ComponentName(Name = "embedding")]
    private readonly Embedding _embedding;
    [ComponentName(Name = "class_embedding")]
    private readonly Embedding? _classes;
    [ComponentName(Name = "above")]
    private readonly Conv2d _above;
    [ComponentName(Name = "left")]
    private readonly Conv2d _left;
    [ComponentName(Name = "previous")]
    private readonly Conv2d _previous;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<PixelSnailBlock> _blocks = [];
    [ComponentName(Name = "output")]
    private readonly Conv2d _output;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    public PixelSnail(PixelSnailOptions options, Generator? generator = null)
        : base(nameof(PixelSnail), options)
    {
        Options = options;
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        long width = options.Width;
        _embedding = nn.Embedding(options.CodebookSize, width);
        Initialize.Normal(_embedding.weight!, generator: generator);
        if (options.Classes > 0)
        {
            _classes = nn.Embedding(options.Classes, width);
            Initialize.Normal(_classes.weight!, generator: generator);
        }
        _above = nn.Conv2d(width, width, (2, 5));
        _left = nn.Conv2d(width, width, (1, 3));
        _previous = nn.Conv2d(width, width, 1);
        _output = nn.Conv2d(width, options.CodebookSize, 1);
        foreach (var module in new nn.Module[] { _above, _left, _previous, _output }) Initialize.Reset(module, generator!);
        for (var i = 0; i < options.Blocks; i++) _blocks.Add(new PixelSnailBlock(width, options.ResidualUnits, options.Heads, generator!));
        RegisterComponents();
        Condition.AddEncoder(this, width, generator!);
    }

    internal PixelSnailOptions Options { get; }

    private protected override ExactPrior ToExact() => new ExactPixelSnail(this);

    private protected override Tensor Logits(Tensor codes, Tensor? condition)
    {
        using var scope = NewDisposeScope();
        return LogitsOf(_embedding.call(codes).permute(0, 3, 1, 2), condition).MoveToOuterDisposeScope();
    }

    /// <summary>As the forward pass from embeddings [N, C, H, W] on.</summary>
    internal Tensor LogitsOf(Tensor x, Tensor? condition)
    {
        long height = x.size(2), width = x.size(3);
        // Two rows above in five columns, and three positions to the left: together the causal neighbourhood without the position itself.
        var up = _above.call(nn.functional.pad(x, [2, 2, 2, 0])).narrow(2, 0, height);
        var left = _left.call(nn.functional.pad(x, [3, 0, 0, 0])).narrow(3, 0, width);
        // The code before in raster order, which at the start of a row is far away: so attention finds every earlier code at some position.
        var before = nn.functional.pad(x.flatten(2), [1, 0]).narrow(2, 0, height * width).reshape(x.shape);
        var h = up + left + _previous.call(before);
        if ((_classes?.call(condition!) ?? Condition.Vectors(condition)) is { } told) h = h + told.unsqueeze(2).unsqueeze(3);
        foreach (var block in _blocks) h = block.call(h);
        return _output.call(nn.functional.elu(h, 1));
    }
}
