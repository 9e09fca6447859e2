using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>A tensor of the file: a weight or a constant. The values stay in the tensor until the file is written.</summary>
internal sealed record Initializer(string Name, OnnxType Type, Tensor Values)
{
    public long[] Shape { get; } = Values.shape;

    public long Count => Shape.Aggregate(1L, (p, s) => p * s);
}
