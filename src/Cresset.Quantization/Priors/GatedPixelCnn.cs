using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Gated PixelCNN over codes: two stacks without a blind spot, optionally conditioned on a class or a caption. Maps of any height and
/// width.
/// </summary>
/// <remarks>
/// State-dict keys: <c>embedding</c>, <c>layers.N.*</c> (see <see cref="GatedMaskedLayer"/>), <c>output_conv.0</c>, <c>output_conv.2</c>.
/// </remarks>
public sealed class GatedPixelCnn : CodePrior
{
    [ComponentName(Name = "embedding")]
    private readonly Embedding _embedding;
    [ComponentName(Name = "layers")]
    private readonly ModuleList<GatedMaskedLayer> _layers = [];
    [ComponentName(Name = "output_conv")]
    private readonly Sequential _output;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    public GatedPixelCnn(PixelCnnOptions options, Generator? generator = null)
        : base(nameof(GatedPixelCnn), options)
    {
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        _embedding = nn.Embedding(options.CodebookSize, options.Width);
        Initialize.Uniform(_embedding.weight!, -1.0 / options.CodebookSize, 1.0 / options.CodebookSize, generator);
        for (var i = 0; i < options.Layers; i++)
        {
            _layers.Add(
                new GatedMaskedLayer(options.Width, i == 0 ? options.FirstKernel : options.Kernel, i == 0 ? MaskKind.A : MaskKind.B,
                    options.Classes, generator));
        }
        _output = nn.Sequential(nn.Conv2d(options.Width, options.OutputWidth, 1), nn.ReLU(),
            nn.Conv2d(options.OutputWidth, options.CodebookSize, 1));
        Initialize.Reset(_output, generator!);
        RegisterComponents();
        Condition.AddEncoder(this, (long)options.Layers * 2 * options.Width, generator!);
    }

    internal ModuleList<GatedMaskedLayer> Layers => _layers;

    /// <summary>Embeddings [N, C] of codes [N].</summary>
    internal Tensor Embed(Tensor codes) => _embedding.call(codes);

    /// <summary>Logits [N, K, H, W] of the horizontal stack's output.</summary>
    internal Tensor Head(Tensor horizontal) => _output.call(horizontal);

    private protected override ExactPrior ToExact() => new ExactGatedPixelCnn(this);

    private protected override Tensor Logits(Tensor codes, Tensor? condition)
    {
        using var scope = NewDisposeScope();
        return LogitsOf(_embedding.call(codes).permute(0, 3, 1, 2), condition).MoveToOuterDisposeScope();
    }

    /// <summary>As the forward pass from embeddings [N, C, H, W] on.</summary>
    internal Tensor LogitsOf(Tensor embedded, Tensor? condition)
    {
        var (v, h) = (embedded, embedded);
        var told = Told(condition);
        for (var i = 0; i < _layers.Count; i++) (v, h) = _layers[i].Apply(v, h, told[i]);
        return _output.call(h);
    }

    /// <summary>
    /// What each layer adds before its gates, [N, 2C]; null without a condition. A caption's vector has a piece for each.
    /// </summary>
    internal Tensor?[] Told(Tensor? condition)
    {
        var vectors = Condition.Vectors(condition);
        return [.. _layers.Select((layer, i) => vectors is null ? layer.RowsOf(condition)
            : vectors.narrow(1, i * vectors.size(1) / _layers.Count, vectors.size(1) / _layers.Count))];
    }

    private protected override CodeSession OpenSession(long batch, long height, long width, Tensor? condition) =>
        new GatedPixelCnnSession(this, batch, height, width, condition);
}
