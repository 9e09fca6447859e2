using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Splitting into heads and scaled dot-product attention without the square matrix in memory.</summary>
internal static class Attention
{
    /// <summary>[B, N, heads * d] to [B, heads, N, d], a view.</summary>
    public static Tensor Split(Tensor x, long heads) => x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);

    /// <summary>[B, heads, N, d] to [B, N, heads * d].</summary>
    public static Tensor Merge(Tensor x) => x.transpose(1, 2).reshape(x.size(0), x.size(2), x.size(1) * x.size(3));

    public static Tensor Attend(Tensor q, Tensor k, Tensor v, Tensor? bias = null, bool causal = false)
        => Cresset.Nn.Attention.ScaledDotProduct(q, k, v, bias, causal);
}
