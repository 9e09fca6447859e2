using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Captions int64 [N, T] to a vector each, [N, outputs]. A place before the first word looks at all words and at itself; what stands there
/// after the last block is the caption. Numbers from 1 are words, 0 is none: a caption of zeros says nothing, and is what a model learns
/// from whose captions are hidden.
/// </summary>
internal sealed class CaptionEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _words;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<TransformerBlock> _blocks = [];
    [ComponentName(Name = "ln_f")]
    private readonly nn.Module<Tensor, Tensor> _norm;
    [ComponentName(Name = "out")]
    private readonly Projection _output;
    private readonly CaptionEncoderOptions _options;

    public CaptionEncoder(CaptionEncoderOptions options, long outputs, Generator generator)
        : base(nameof(CaptionEncoder))
    {
        _options = options.ThrowIfInvalid();
        _words = nn.Embedding(options.Vocabulary, options.Width);
        _positions = new Parameter(Initialize.Normal(empty(options.MaxLength + 1, options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        for (var i = 0; i < options.Layers; i++) _blocks.Add(CodeStack.NewBlock(options.Width, options.Heads, 0, generator));
        _norm = TransformerBlock.NewNorm(options.Width, isRootMeanSquare: false, 1e-5);
        _output = new Projection(options.Width, outputs, true, WeightPlace.Cpu);
        // Words that begin far apart are told apart from the first step on.
        Initialize.Normal(_words.weight!, 0, 1, generator);
        Initialize.Normal(_output.Weight, 0, 0.02, generator);
        using (no_grad()) _output.Bias!.zero_();
        RegisterComponents();
    }

    /// <summary>Vectors [N, outputs] of captions int64 [N, T].</summary>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N T");
        using var scope = NewDisposeScope();
        var captions = input.to(_positions.device);
        long batch = captions.size(0), length = captions.size(1);
        var words = _words.call(captions);
        var x = cat([zeros([batch, 1, _options.Width], dtype: words.dtype, device: words.device), words], 1)
            + _positions.narrow(0, 0, length + 1);
        var seen = cat([ones([batch, 1], dtype: ScalarType.Bool, device: words.device), captions.ne(0)], 1).unsqueeze(1).unsqueeze(2);
        foreach (var block in _blocks) x = block.Forward(x, seen);
        return _output.call(_norm.call(x.select(1, 0))).MoveToOuterDisposeScope();
    }
}
