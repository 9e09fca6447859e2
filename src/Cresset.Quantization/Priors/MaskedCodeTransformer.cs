using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// MaskGIT (Chang et al. 2022, arXiv:2202.04200): a transformer that sees all codes that are not masked, trained to fill in the others,
/// and generates a whole map in a few parallel steps, the surest codes first.
/// </summary>
public sealed class MaskedCodeTransformer : nn.Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _tokens;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<TransformerBlock> _blocks = [];
    [ComponentName(Name = "ln_f")]
    private readonly LayerNorm _norm;
    [ComponentName(Name = "head")]
    private readonly Linear _head;
    private readonly CodeTransformerOptions _options;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public MaskedCodeTransformer(CodeTransformerOptions options, Generator? generator = null)
        : base(nameof(MaskedCodeTransformer))
    {
        _options = options.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        // Codes, the mask, then the classes.
        _tokens = nn.Embedding(options.CodebookSize + 1 + options.Classes, options.Width);
        Initialize.Normal(_tokens.weight!, 0, 0.02, generator);
        _positions = new Parameter(Initialize.Normal(empty(options.MaxLength, options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        for (var i = 0; i < options.Layers; i++) _blocks.Add(new TransformerBlock(options, generator!));
        _norm = nn.LayerNorm(options.Width);
        _head = nn.Linear(options.Width, options.CodebookSize);
        Initialize.Normal(_head.weight!, 0, 0.02, generator);
        RegisterComponents();
    }

    /// <summary>Codes a position chooses from; the mask has this number.</summary>
    public int CodebookSize => _options.CodebookSize;

    /// <summary>Logits [B, K, H, W] from codes int64 [B, H, W], where the value <see cref="CodebookSize"/> means masked.</summary>
    public override Tensor forward(Tensor codes, Tensor? labels)
    {
        Shape.Expect(codes, "B H W");
        CodeRange.Check(codes, [CodebookSize + 1], nameof(codes));
        if (labels is not null) CodeRange.Check(labels, [_options.Classes], nameof(labels));
        long batch = codes.size(0), height = codes.size(1), width = codes.size(2), length = height * width;
        if (length > _options.MaxLength) throw new ArgumentException($"The map has {length} codes; the transformer was made for at most {_options.MaxLength} (MaxLength).", nameof(codes));
        if (labels is null != (_options.Classes == 0)) throw new ArgumentException($"labels must be given exactly when there are classes; Classes is {_options.Classes}.", nameof(labels));
        using var scope = NewDisposeScope();
        var x = _tokens.call(codes.reshape(batch, length)) + _positions.narrow(0, 0, length);
        if (labels is not null) x = x + _tokens.call(labels + (CodebookSize + 1)).unsqueeze(1);
        foreach (var block in _blocks) x = block.call(x, false);
        return _head.call(_norm.call(x)).transpose(1, 2).reshape(batch, CodebookSize, height, width).MoveToOuterDisposeScope();
    }

    /// <summary>Mean cross-entropy in nats of codes hidden at random: the share hidden follows the cosine of a uniform number, at least one code a map.</summary>
    public Tensor Loss(Tensor codes, Tensor? labels, Generator generator)
    {
        Shape.Expect(codes, "B H W");
        CodeRange.Check(codes, [CodebookSize], nameof(codes));
        using var scope = NewDisposeScope();
        var flat = codes.reshape(codes.size(0), -1);
        // Drawn in main memory: a generator belongs to one device.
        var share = (rand([codes.size(0), 1], generator: generator).to(codes.device) * (Math.PI / 2)).cos();
        var count = (share * flat.size(1)).ceil().clamp_min(1);
        var rank = rand(flat.shape, generator: generator).argsort(1).argsort(1).to(codes.device);
        var hidden = rank < count;
        var input = flat.masked_fill(hidden, CodebookSize).reshape(codes.shape);
        var log = call(input, labels).flatten(2).log_softmax(1).gather(1, flat.unsqueeze(1)).squeeze(1);
        return (-(log * hidden).sum() / hidden.sum()).MoveToOuterDisposeScope();
    }

    /// <summary>Draws new maps in <paramref name="steps"/> parallel steps.</summary>
    /// <param name="batch">Maps.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="labels">int64 [B], or null.</param>
    /// <param name="steps">Steps; 8 to 12 are usual.</param>
    /// <param name="schedule">How many codes stay masked.</param>
    /// <param name="choiceTemperature">Scale of the Gumbel noise in the choice of what to keep, falling to 0 over the steps.</param>
    /// <param name="sampling">Temperature, top-k and top-p of the codes.</param>
    public Tensor Sample(long batch, long height, long width, ulong seed, Tensor? labels = null, int steps = 8, MaskSchedule schedule = MaskSchedule.Cosine, double choiceTemperature = 4.5, CodeSampling? sampling = null)
    {
        sampling = (sampling ?? new CodeSampling()).ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfNegative(choiceTemperature);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var length = (int)(height * width);
        var masked = schedule.MaskedAfterStep(length, Math.Min(steps, length));
        var codes = new long[batch * length];
        Array.Fill(codes, CodebookSize);
        var probabilities = new double[CodebookSize];
        var confidence = new double[length];
        var drawn = new long[length];
        var order = new int[length];
        for (var t = 0; t < masked.Length; t++)
        {
            using var step = NewDisposeScope();
            var logits = TensorSpans.Of<float>(call(tensor(codes, [batch, height, width], device: _positions.device), labels?.to(_positions.device)).flatten(2).transpose(1, 2).to(ScalarType.Float32).cpu().contiguous());
            var last = t == masked.Length - 1;
            for (var b = 0; b < batch; b++)
            {
                var stream = SplitMix64.ForIndex(seed, (ulong)((b * (long)masked.Length) + t));
                var map = codes.AsSpan(b * length, length);
                for (var i = 0; i < length; i++)
                {
                    drawn[i] = map[i];
                    confidence[i] = double.PositiveInfinity;
                    if (map[i] != CodebookSize) continue;
                    CodeDistribution.Probabilities(logits.Slice(((b * length) + i) * CodebookSize, CodebookSize), sampling, probabilities);
                    drawn[i] = CodeDistribution.Draw(probabilities, stream.NextDouble());
                    var gumbel = -Math.Log(-Math.Log(Math.Max(stream.NextDouble(), 1e-300)));
                    confidence[i] = Math.Log(Math.Max(probabilities[drawn[i]], 1e-300)) + (choiceTemperature * (1 - ((t + 1.0) / masked.Length)) * gumbel);
                }
                drawn.CopyTo(map);
                if (last) continue;
                for (var i = 0; i < length; i++) order[i] = i;
                Array.Sort((double[])confidence.Clone(), order);
                for (var i = 0; i < masked[t]; i++) map[order[i]] = CodebookSize;
            }
        }
        return tensor(codes, [batch, height, width]).MoveToOuterDisposeScope();
    }
}
