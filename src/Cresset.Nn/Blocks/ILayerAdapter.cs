using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Wraps a linear map: what it makes of the layer's input is added to the layer's output, and the layer's own weight stays as it is.
/// </summary>
internal interface ILayerAdapter
{
    /// <summary>[..., in] to what is added, [..., out], in the input's element type.</summary>
    Tensor Of(Tensor input);
}
