using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The first PixelCNN (van den Oord et al. 2016, arXiv:1601.06759): one stack of masked convolutions with residual connections.
/// It is simple, and it has the known blind spot up and to the right; <see cref="GatedPixelCnn"/> has none.
/// </summary>
public sealed class PixelCnn : CodePrior
{
    [ComponentName(Name = "embedding")]
    private readonly Embedding _embedding;
    [ComponentName(Name = "class_embedding")]
    private readonly Embedding? _classes;
    [ComponentName(Name = "first")]
    private readonly MaskedConv2d _first;
    [ComponentName(Name = "layers")]
    private readonly ModuleList<MaskedConv2d> _layers = [];
    [ComponentName(Name = "output")]
    private readonly Sequential _output;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    public PixelCnn(PixelCnnOptions options, Generator? generator = null)
        : base(nameof(PixelCnn), options)
    {
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
        _first = new MaskedConv2d(width, width, options.FirstKernel, MaskKind.A, generator);
        for (var i = 1; i < options.Layers; i++) _layers.Add(new MaskedConv2d(width, width, options.Kernel, MaskKind.B, generator));
        _output = nn.Sequential(nn.Conv2d(width, options.OutputWidth, 1), nn.ReLU(),
            nn.Conv2d(options.OutputWidth, options.CodebookSize, 1));
        Initialize.Reset(_output, generator!);
        RegisterComponents();
        Condition.AddEncoder(this, width, generator!);
    }

    private protected override ExactPrior ToExact() => new ExactPixelCnn(this);

    private protected override Tensor Logits(Tensor codes, Tensor? condition)
    {
        using var scope = NewDisposeScope();
        var x = _first.call(_embedding.call(codes).permute(0, 3, 1, 2));
        var told = (_classes?.call(condition!) ?? Condition.Vectors(condition))?.unsqueeze(2).unsqueeze(3);
        foreach (var layer in _layers)
        {
            var h = told is null ? x : x + told;
            x = x + layer.call(h.relu());
        }
        if (told is not null) x = x + told;
        return _output.call(x.relu()).MoveToOuterDisposeScope();
    }
}
