using Cresset.Nn;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Linear, SiLU, Linear.</summary>
internal sealed class EmbeddingMlp : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "linear_1")]
    private readonly Projection _first;

    [ComponentName(Name = "linear_2")]
    private readonly Projection _second;

    public EmbeddingMlp(long inputs, long width, WeightPlace place)
        : base(nameof(EmbeddingMlp))
    {
        _first = new Projection(inputs, width, true, place);
        _second = new Projection(width, width, true, place);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _second.call(nn.functional.silu(_first.call(input))).MoveToOuterDisposeScope();
    }
}

/// <summary>The conditioning vector: MLP of the sinusoid of the time plus MLP of the pooled text.</summary>
internal sealed class TimeTextEmbedding : nn.Module<Tensor, Tensor, Tensor>
{
    private const int Frequencies = 256;

    // Cosines, then sines, of t * 10000^(-k/128).
    private readonly SinusoidalEmbedding _sinusoid = new(Frequencies);

    [ComponentName(Name = "timestep_embedder")]
    private readonly EmbeddingMlp _time;

    [ComponentName(Name = "text_embedder")]
    private readonly EmbeddingMlp _text;

    public TimeTextEmbedding(MmDitOptions options, WeightPlace place)
        : base(nameof(TimeTextEmbedding))
    {
        _time = new EmbeddingMlp(Frequencies, options.Width, place);
        _text = new EmbeddingMlp(options.PooledWidth, options.Width, place);
        RegisterComponents();
    }

    /// <summary>times [N] in 0..1000 (single precision), pooled [N, P] to [N, D].</summary>
    public override Tensor forward(Tensor times, Tensor pooled)
    {
        using var scope = NewDisposeScope();
        // Half precision would round 987.38 to 988: the sinusoid is taken in single precision first.
        return _time.call(_sinusoid.call(times.to(ScalarType.Float32)).to(pooled.dtype)).add(_text.call(pooled)).MoveToOuterDisposeScope();
    }
}
