using Cresset.Nn;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>AdaLN (Peebles and Xie 2023): chunks of a linear map of SiLU(conditioning), each [N, 1, D].</summary>
internal sealed class Modulation : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "linear")]
    private readonly Projection _linear;

    private readonly long _chunks;

    public Modulation(long width, int chunks, WeightPlace place)
        : base(nameof(Modulation))
    {
        _chunks = chunks;
        _linear = new Projection(width, chunks * width, true, place);
        RegisterComponents();
    }

    public Projection Linear => _linear;

    /// <summary>The conditioning after SiLU, [N, D], to [N, chunks * D].</summary>
    public override Tensor forward(Tensor activated) => _linear.call(activated);

    public Tensor[] Chunks(Tensor activated)
    {
        var all = forward(activated).unsqueeze(1);
        return all.chunk(_chunks, 2);
    }

    /// <summary>LayerNorm(x) without weights, [N, T, D].</summary>
    public static Tensor Normalize(Tensor x) => nn.functional.layer_norm(x, [x.size(2)], null, null, 1e-6);

    /// <summary>normalized * (1 + scale) + shift in one pass.</summary>
    public static Tensor Apply(Tensor normalized, Tensor shift, Tensor scale) => addcmul(shift, normalized, scale + 1, One);

    private static readonly TorchSharp.Scalar One = 1f;
}
