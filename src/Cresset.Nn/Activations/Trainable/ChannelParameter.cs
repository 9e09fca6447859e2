using Cresset.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>A trained number shared by all values, or one per channel.</summary>
internal static class ChannelParameter
{
    public static Parameter Make(long channels, double value, string owner)
    {
        if (channels < 1)
            throw new ArgumentOutOfRangeException(nameof(channels), channels,
                $"{owner}: channels must be 1 (one shared number) or the size of the channel dimension.");
        return new Parameter(full(channels, value, dtype: ScalarType.Float32).DetachFromDisposeScope());
    }

    /// <summary>The parameter shaped to multiply x along <paramref name="dim"/>.</summary>
    public static Tensor Along(Tensor parameter, Tensor x, long dim, string owner)
    {
        var count = parameter.numel();
        // A vector of one would make a vector of a single number.
        if (count == 1) return x.dim() == 0 ? parameter.squeeze(0) : parameter;
        var axis = dim < 0 ? x.dim() + dim : dim;
        if (axis < 0 || axis >= x.dim() || x.size((int)axis) != count)
            throw new ShapeException($"{owner}: the input has shape {Shape.Text(x)}; expected {count} channels in dimension {dim}.");
        var shape = Enumerable.Repeat(1L, (int)x.dim()).ToArray();
        shape[axis] = count;
        return parameter.view(shape);
    }
}
