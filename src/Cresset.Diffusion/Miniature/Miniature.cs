using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Stable Diffusion 3 in miniature: a small CLIP text encoder learnt along with an <see cref="MmDit"/> that works on pixels.
/// Text tokens and the pooled prompt enter exactly as in the large model.
/// </summary>
public sealed class Miniature : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "text_encoder")]
    private readonly ClipTextEncoder _text;

    [ComponentName(Name = "transformer")]
    private readonly MmDit _transformer;

    /// <summary>Builds the miniature for prompts of this tokenizer; <paramref name="generator"/> draws the weights.</summary>
    public Miniature(MiniatureOptions options, WordTokenizer tokenizer, Generator generator)
        : base(nameof(Miniature))
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tokenizer);
        Options = options.ThrowIfInvalid();
        Tokenizer = tokenizer;
        var place = new WeightPlace(Generator: generator);
        _text = new ClipTextEncoder(new ClipTextOptions
        {
            VocabularySize = tokenizer.Count,
            Positions = tokenizer.ContextLength,
            Width = options.TextWidth,
            Layers = options.TextLayers,
            Heads = 2,
            MlpWidth = 2 * options.TextWidth,
            ProjectionWidth = options.TextWidth,
        }, place);
        _transformer = new MmDit(new MmDitOptions
        {
            SampleSize = options.PictureSize,
            PatchSize = options.PatchSize,
            InChannels = 1,
            OutChannels = 1,
            Layers = options.Layers,
            Heads = options.Heads,
            HeadDim = options.Width / options.Heads,
            TextWidth = options.TextWidth,
            PooledWidth = options.TextWidth,
            PositionTableSize = options.PictureSize / options.PatchSize,
            QkNorm = true,
        }, place);
        _transformer.ResetForTraining(generator);
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public MiniatureOptions Options { get; }

    /// <summary>Turns prompts into ids.</summary>
    public WordTokenizer Tokenizer { get; }

    /// <summary>Velocity (noise - data): pictures [N, 1, S, S], times [N] in 0..1 (1 is noise), ids [N, T] to [N, 1, S, S].</summary>
    public override Tensor forward(Tensor pictures, Tensor times, Tensor ids)
    {
        using var scope = NewDisposeScope();
        var text = _text.Encode(ids);
        return _transformer.call(pictures, times * 1000, text.Hidden, text.Pooled).MoveToOuterDisposeScope();
    }

    /// <summary>Ids of prompts, [N, T].</summary>
    public Tensor Encode(IEnumerable<string> prompts)
        => stack([.. prompts.Select(p => tensor(Array.ConvertAll(Tokenizer.Encode(p, out _), i => (long)i)))]);

    /// <summary>
    /// Rectified-flow loss (equation 8 of the paper with velocity weighting 1): the mean squared error of the velocity at
    /// logit-normal times, prompts replaced by the empty one with the given probability so that guidance can be learnt.
    /// </summary>
    /// <param name="pictures">Data [N, 1, S, S] in -1..1.</param>
    /// <param name="ids">Prompts [N, T].</param>
    /// <param name="dropout">Probability of the empty prompt.</param>
    /// <param name="density">How times are drawn.</param>
    /// <param name="generator">Source of times, noise and dropout.</param>
    public Tensor Loss(Tensor pictures, Tensor ids, double dropout, TrainingTimes density, Generator generator)
    {
        Shape.Expect(pictures, "N 1 S S", ("S", Options.PictureSize));
        Shape.Expect(ids, "N T", [("N", pictures.size(0)), ("T", Tokenizer.ContextLength)]);
        ArgumentNullException.ThrowIfNull(density);
        using var scope = NewDisposeScope();
        var count = pictures.size(0);
        var times = density.Draw(count, generator);
        var noise = randn(pictures.shape, generator: generator);
        var t = times.view(-1, 1, 1, 1);
        var state = pictures * (1 - t) + noise * t;
        var empty = rand(count, generator: generator).lt(dropout).unsqueeze(1);
        var prompts = where(empty, Encode([""]), ids);
        return forward(state, times, prompts).sub(noise - pictures).square().mean().MoveToOuterDisposeScope();
    }

    /// <summary>Draws pictures for prompts with classifier-free guidance.</summary>
    /// <param name="prompts">One picture each.</param>
    /// <param name="steps">Number of steps, over even times.</param>
    /// <param name="guidance">1 is the conditional model; more follows the prompt more closely.</param>
    /// <param name="generator">Source of the initial noise.</param>
    /// <param name="seen">Shown the number of steps done and the state [N, 1, S, S], the noise at first; the state is freed after the call.</param>
    /// <param name="sampler">How a step is made; Euler steps when it is left out.</param>
    /// <returns>[N, 1, S, S] in about -1..1.</returns>
    public Tensor Sample(IReadOnlyList<string> prompts, int steps, double guidance, Generator generator, Action<int, Tensor>? seen = null, SamplerOptions? sampler = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        long count = prompts.Count, side = Options.PictureSize;
        var x = randn([count, 1, side, side], generator: generator);
        var guided = guidance != 1;
        var ids = Encode(guided ? [.. prompts, .. Enumerable.Repeat("", prompts.Count)] : prompts);
        var text = _text.Encode(ids);
        seen?.Invoke(0, x);
        float[] levels = [.. Enumerable.Range(0, steps + 1).Select(i => (float)(1 - ((double)i / steps)))];
        using var solver = Sampler.Create(sampler ?? new EulerSamplerOptions(), new NoiseTable(levels, [.. levels[..^1].Select(level => level * 1000)]));
        for (int i = 0, done = 0; i < solver.Table.Steps; i++)
        {
            using var inner = NewDisposeScope();
            var states = guided ? cat([x, x]) : x;
            var velocity = _transformer.call(states, full([states.size(0)], solver.Table.Times[i], ScalarType.Float32), text.Hidden, text.Pooled);
            if (guided)
            {
                var parts = velocity.chunk(2, 0);
                velocity = parts[1] + ((parts[0] - parts[1]) * guidance);
            }
            x = solver.Step(velocity, i, x, generator).MoveToOuterDisposeScope();
            // A step of two evaluations is done after the second one.
            if ((i + 1) % solver.EvaluationsPerStep == 0 || i + 1 == solver.Table.Steps) seen?.Invoke(++done, x);
        }
        return x.MoveToOuterDisposeScope();
    }
}
