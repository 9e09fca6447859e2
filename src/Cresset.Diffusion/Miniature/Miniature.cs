using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Stable Diffusion 3 in miniature: an <see cref="MmDit"/> and small text encoders that learn together, over the latents of a finished
/// autoencoder or over pixels. It is trained by <see cref="RectifiedFlowLoss"/> and draws by <see cref="StableDiffusion3"/>, as the large
/// model.
/// </summary>
public sealed class Miniature : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private static readonly ScheduleOptions Unshifted = new() { Shift = 1 };

    [ComponentName(Name = "text_encoder")]
    private readonly ClipTextEncoder _clipL;

    [ComponentName(Name = "text_encoder_2")]
    private readonly ClipTextEncoder? _clipG;

    [ComponentName(Name = "text_encoder_3")]
    private readonly T5Encoder? _t5;

    [ComponentName(Name = "transformer")]
    private readonly MmDit _transformer;

    private readonly Vae? _autoencoder;
    private readonly StableDiffusion3 _pipeline;
    private readonly MiniatureTokens _tokens;

    /// <summary>Builds the miniature for prompts of this tokenizer; <paramref name="generator"/> draws the weights.</summary>
    /// <param name="options">Sizes.</param>
    /// <param name="tokenizer">The words it knows.</param>
    /// <param name="generator">Source of the weights.</param>
    /// <param name="autoencoder">Finished, of grey pictures; owned by the miniature. Null works on pixels.</param>
    /// <exception cref="InvalidOptionsException">The sizes are not allowed.</exception>
    public Miniature(MiniatureOptions options, WordTokenizer tokenizer, Generator generator, Vae? autoencoder = null)
        : base(nameof(Miniature))
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tokenizer);
        Options = options.ThrowIfInvalid();
        Tokenizer = tokenizer;
        var unit = options.PatchSize * (autoencoder?.Options.Downscale ?? 1);
        if (options.PictureSize % unit != 0)
            throw new ArgumentException(
                $"PictureSize is {options.PictureSize}; with this autoencoder and patch it must be a multiple of {unit}.", nameof(options));
        if (autoencoder is { Options.ImageChannels: not 1 })
            throw new ArgumentException(
                $"The autoencoder is of pictures with {autoencoder.Options.ImageChannels} channels; the miniature draws grey ones.",
                nameof(autoencoder));
        var place = new WeightPlace(Generator: generator);
        var isWhole = options.Encoders == MiniatureEncoders.All;
        _tokens = new MiniatureTokens(tokenizer, isWhole);
        _clipL = Clip(ClipActivation.QuickGelu, place);
        if (isWhole)
        {
            _clipG = Clip(ClipActivation.Gelu, place);
            _t5 = new T5Encoder(new T5EncoderOptions
            {
                VocabularySize = _tokens.T5!.Count,
                Width = options.TextWidth,
                Layers = options.TextLayers,
                Heads = 2,
                HeadDim = options.TextWidth / 2,
                MlpWidth = 2 * options.TextWidth,
                Buckets = 8,
                MaxDistance = 16,
            }, place);
        }
        // Without an autoencoder pixels are the latents; this one has no weights and is never called.
        var vae = _autoencoder = autoencoder;
        vae ??= new Vae(new VaeOptions { ImageChannels = 1, LatentChannels = 1, BlockChannels = [1], LayersPerBlock = 1, NormGroups = 1 },
            WeightPlace.Nowhere);
        var side = options.PictureSize / vae.Options.Downscale;
        _transformer = new MmDit(new MmDitOptions
        {
            SampleSize = side,
            PatchSize = options.PatchSize,
            InChannels = vae.Options.LatentChannels,
            OutChannels = vae.Options.LatentChannels,
            Layers = options.Layers,
            Heads = options.Heads,
            HeadDim = options.Width / options.Heads,
            TextWidth = options.TextWidth,
            PooledWidth = options.TextWidth,
            PositionTableSize = side / options.PatchSize,
            QkNorm = true,
        }, place);
        _transformer.ResetForTraining(generator);
        var text = isWhole
            ? new TextEncoders(_transformer.Options)
            {
                ClipL = _clipL,
                ClipG = _clipG,
                ClipLTokenizer = _tokens.ClipL,
                ClipGTokenizer = _tokens.ClipG,
                T5Tokenizer = _tokens.T5
            }
            : new TextEncoders(_transformer.Options);
        text.UseT5(_t5);
        _pipeline = new StableDiffusion3(_transformer, vae, text, Unshifted);
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public MiniatureOptions Options { get; }

    /// <summary>The words it knows.</summary>
    public WordTokenizer Tokenizer { get; }

    /// <summary>The autoencoder, or null where it works on pixels.</summary>
    public Vae? Autoencoder => _autoencoder;

    /// <summary>Velocity (noise - data): latents [N, C, s, s], times [N] in 0..1 (1 is noise), ids [N, T] to [N, C, s, s].</summary>
    public override Tensor forward(Tensor latents, Tensor times, Tensor ids)
    {
        using var scope = NewDisposeScope();
        var (context, pooled) = Embed(ids);
        return _transformer.call(latents, times * 1000, context, pooled).MoveToOuterDisposeScope();
    }

    /// <summary>Ids of prompts, [N, T]; those of all encoders one after the other.</summary>
    public Tensor Encode(IEnumerable<string> prompts) => stack([.. prompts.Select(p => tensor(_tokens.Ids(p)))]);

    /// <summary>
    /// The latents of pictures [N, 1, S, S] in -1..1, as the transformer sees them; without an autoencoder the pictures themselves.
    /// </summary>
    public Tensor Latents(Tensor pictures)
    {
        Shape.Expect(pictures, "N 1 S S", ("S", Options.PictureSize));
        if (_autoencoder is null) return pictures.alias();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _autoencoder.EncodeScaled(pictures.to(_autoencoder.parameters().First().device)).cpu().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The rectified-flow loss (<see cref="RectifiedFlowLoss"/>) at fresh times and noise, prompts replaced by the empty one with the given
    /// probability so that guidance can be learnt.
    /// </summary>
    /// <param name="latents">Data as <see cref="Latents"/> gives it, [N, C, s, s].</param>
    /// <param name="ids">Prompts [N, T].</param>
    /// <param name="dropout">Probability of the empty prompt.</param>
    /// <param name="density">How times are drawn.</param>
    /// <param name="generator">Source of times, noise and dropout.</param>
    public Tensor Loss(Tensor latents, Tensor ids, double dropout, TrainingTimes density, Generator generator)
    {
        Shape.Expect(ids, "N T", [("N", latents.size(0)), ("T", _tokens.Count)]);
        ArgumentNullException.ThrowIfNull(density);
        using var scope = NewDisposeScope();
        var device = Device;
        var empty = rand(latents.size(0), generator: generator).lt(dropout).unsqueeze(1);
        // A language of some tens of prompts: each is encoded once, however often the batch has it.
        var (prompts, rows) = Distinct(where(empty, Encode([""]), ids.cpu()));
        var (context, pooled) = Embed(prompts.to(device));
        var places = rows.to(device);
        return RectifiedFlowLoss.Draw(_transformer, latents.to(device), context.index_select(0, places), pooled.index_select(0, places),
            new RectifiedFlowOptions { Times = density, Shift = 1 }, generator).MoveToOuterDisposeScope();
    }

    /// <summary>Draws pictures for prompts with classifier-free guidance.</summary>
    /// <param name="prompts">One picture each.</param>
    /// <param name="steps">Number of steps, over even times.</param>
    /// <param name="guidance">1 is the conditional model; more follows the prompt more closely.</param>
    /// <param name="generator">Source of the noise.</param>
    /// <param name="seen">Shown the number of steps done and the picture of the state [N, 1, S, S], the noise at first; the picture is
    /// freed after the call.</param>
    /// <param name="sampler">How a step is made; Euler steps when it is left out.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>[N, 1, S, S] in about -1..1.</returns>
    public Tensor Sample(IReadOnlyList<string> prompts, int steps, double guidance, Generator generator, Action<int, Tensor>? seen = null,
        SamplerOptions? sampler = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(guidance, 1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _autoencoder?.to(Device);
        int count = prompts.Count, side = Options.PictureSize;
        var vae = _pipeline.Vae.Options;
        var noise = randn([count, vae.LatentChannels, side / vae.Downscale, side / vae.Downscale], generator: generator);
        var options = new GenerationOptions
        {
            Width = side,
            Height = side,
            Count = count,
            Steps = steps,
            Sigmas = [.. Enumerable.Range(0, steps).Select(i => 1 - ((double)i / steps))],
            Guidance = new GuidanceOptions { Scale = guidance },
            Sampler = sampler ?? new EulerSamplerOptions(),
            Seed = (ulong)randint(0, int.MaxValue, 1, dtype: ScalarType.Int64, generator: generator).ToInt64(),
        };
        Show(seen, 0, noise);
        var inputs = new GenerationInputs
        {
            Latents = noise,
            OnStep = seen is null ? null : step =>
            {
                using var latents = step.Latents;
                Show(seen, step.Step, latents);
            },
        };
        using var wanted = Prompts(prompts);
        using var unwanted = options.Guidance.IsOn ? Prompts([.. Enumerable.Repeat("", count)]) : null;
        using var result = _pipeline.Generate(wanted, unwanted, options, inputs, latentsOnly: true, cancellation: cancellation);
        return Shown(result.Latents).cpu().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Writes it as a diffusers folder (<see cref="StableDiffusion3.Save"/>), which <see cref="StableDiffusion3.Load"/> and other programs
    /// read.
    /// </summary>
    /// <exception cref="NotSupportedException">It works on pixels, or has one text encoder: no folder of Stable Diffusion 3 says
    /// so.</exception>
    public void Save(string folder)
    {
        if (!IsWhole)
            throw new NotSupportedException(
                "Only a miniature with an autoencoder and all text encoders is a whole Stable Diffusion 3 (model.autoencoder=garments "
                    + "model.encoders=all).");
        _pipeline.Save(folder);
    }

    /// <summary>True where every part of the large model is there.</summary>
    public bool IsWhole => _autoencoder is not null && _t5 is not null;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _pipeline.Vae.Dispose();
        base.Dispose(disposing);
    }

    private Device Device => _clipL.parameters().First().device;

    private void Show(Action<int, Tensor>? seen, int step, Tensor latents)
    {
        if (seen is null) return;
        using var scope = NewDisposeScope();
        seen(step, Shown(latents));
    }

    private Tensor Shown(Tensor latents) => _autoencoder is null ? latents.alias() : _autoencoder.Decode(latents);

    /// <summary>
    /// What the transformer reads of prompts, without gradients; through the pipeline's own text encoders where all are there.
    /// </summary>
    internal PromptEmbedding Prompts(IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var distinct = prompts.Distinct().ToList();
        Tensor context, pooled;
        if (_t5 is null)
        {
            (context, pooled) = Embed(Encode(distinct).to(Device));
        }
        else
        {
            var each = distinct.Select(p => _pipeline.Text.Encode(MiniatureTokens.Plain(p), t5Length: _tokens.T5Length)).ToList();
            (context, pooled) = (cat([.. each.Select(e => e.Context)]), cat([.. each.Select(e => e.Pooled)]));
        }
        var rows = tensor(prompts.Select(p => (long)distinct.IndexOf(p)).ToArray()).to(context.device);
        return new PromptEmbedding(context.index_select(0, rows).DetachFromDisposeScope(),
            pooled.index_select(0, rows).DetachFromDisposeScope());
    }

    // The different rows of ids [N, T] in the order of their coming, and which of them each row is.
    private static (Tensor Rows, Tensor Places) Distinct(Tensor ids)
    {
        var length = (int)ids.size(1);
        var rows = new Dictionary<string, long>();
        var (firsts, places) = (new List<long>(), new List<long>());
        foreach (var row in ids.contiguous().data<long>().ToArray().Chunk(length))
        {
            var key = string.Join(' ', row);
            if (rows.TryAdd(key, rows.Count)) firsts.Add(places.Count);
            places.Add(rows[key]);
        }
        return (ids.index_select(0, tensor(firsts.ToArray())), tensor(places.ToArray()));
    }

    /// <summary>What the transformer reads of ids [N, T], with gradients, which the large model's encoders do without.</summary>
    internal (Tensor Context, Tensor Pooled) Embed(Tensor ids)
    {
        if (_clipG is null || _t5 is null)
        {
            var text = _clipL.Encode(ids);
            return (text.Hidden, text.Pooled);
        }
        var length = _tokens.ClipLength;
        var (l, g) = (_clipL.Encode(ids.narrow(1, 0, length)), _clipG.Encode(ids.narrow(1, length, length)));
        return TextEncoders.Join(l.Hidden, l.Pooled, g.Hidden, g.Pooled, _t5.call(ids.narrow(1, 2 * length, _tokens.T5Length)));
    }

    private ClipTextEncoder Clip(ClipActivation activation, WeightPlace place)
    {
        var width = Options.Encoders == MiniatureEncoders.All ? Options.TextWidth / 2 : Options.TextWidth;
        return new ClipTextEncoder(new ClipTextOptions
        {
            VocabularySize = _tokens.ClipCount,
            Positions = _tokens.ClipLength,
            Width = width,
            Layers = Options.TextLayers,
            Heads = 2,
            MlpWidth = 2 * width,
            ProjectionWidth = width,
            Activation = activation,
        }, place);
    }
}
