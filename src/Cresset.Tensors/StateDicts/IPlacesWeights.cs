using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>A layer whose weights can be put in place one by one: one that was made without memory gets it when it is loaded.</summary>
internal interface IPlacesWeights
{
    /// <summary>Puts a tensor in the place of the weight of this name; the layer owns it afterwards.</summary>
    void Assign(string name, Tensor value);
}
