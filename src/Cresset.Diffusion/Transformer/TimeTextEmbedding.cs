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
        return _time.call(Sinusoid(times).to(pooled.dtype)).add(_text.call(pooled)).MoveToOuterDisposeScope();
    }

    /// <summary>[N] to [N, 256]: cosines, then sines, of t * 10000^(-k/128).</summary>
    internal static Tensor Sinusoid(Tensor times)
    {
        using var scope = NewDisposeScope();
        const int half = Frequencies / 2;
        var omega = arange(half, ScalarType.Float32, times.device).mul_(-Math.Log(10000) / half).exp_();
        var angles = times.to(ScalarType.Float32).unsqueeze(1) * omega.unsqueeze(0);
        return cat([angles.cos(), angles.sin()], 1).MoveToOuterDisposeScope();
    }
}
