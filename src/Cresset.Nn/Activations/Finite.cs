using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Bounds for branches of a formula that overflow before their result does: 0 times their infinite slope would be NaN. Unlike clamp these
/// leave NaN and infinities alone, in the gradient too. The scope is the caller's.
/// </summary>
internal static class Finite
{
    /// <summary>x, but <paramref name="low"/> where it is smaller and finite.</summary>
    public static Tensor AtLeast(Tensor x, double low) => x.masked_fill(x.lt(low) & x.gt(double.NegativeInfinity), low);

    /// <summary>x, but <paramref name="high"/> where it is larger and finite.</summary>
    public static Tensor AtMost(Tensor x, double high) => x.masked_fill(x.gt(high) & x.lt(double.PositiveInfinity), high);
}
