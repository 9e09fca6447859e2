using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>One term of a quantizer's loss.</summary>
/// <param name="Name">What it is: <c>commitment</c>, <c>codebook</c>, <c>entropy</c>, <c>orthogonal</c>, <c>diversity</c>, <c>prior</c>; a
/// residual stage or head adds its number.</param>
/// <param name="Value">The term before its weight, a float scalar with gradient.</param>
/// <param name="Weight">Its weight in the total.</param>
public sealed record LossTerm(string Name, Tensor Value, double Weight);
