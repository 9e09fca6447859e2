using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Puts values back at the places that max pooling took them from; zeros elsewhere. Takes a batch or, as PyTorch does, one sample without
/// its dimension. TorchSharp 0.107's own ignores its stride and throws on an output size.
/// </summary>
public abstract class MaxUnpool : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly int _places;
    private readonly long[] _kernel;
    private readonly long[]? _stride;
    private readonly long[]? _padding;

    private protected MaxUnpool(string name, int places, long[] kernel, long[]? stride, long[]? padding)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        (_places, _kernel, _stride, _padding) = (places, kernel, stride, padding);
        RegisterComponents();
    }

    /// <summary>Puts values back where pooling found them: [N, C, H, W] and indices of the same shape to [N, C, H', W'].</summary>
    public override Tensor forward(Tensor input, Tensor indices) => Forward(input, indices, null);

    /// <summary>With the size before pooling, see <see cref="IndexedPooling.MaxUnpool"/>.</summary>
    /// <exception cref="ShapeException">Another number of dimensions, or a size that cannot have led to this pooling.</exception>
    public Tensor Forward(Tensor input, Tensor indices, long[]? outputSize)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(indices);
        if (input.dim() == _places + 2) return IndexedPooling.MaxUnpool(input, indices, _kernel, _stride, _padding, outputSize);
        if (input.dim() != _places + 1)
            throw Shape.Wrong(input,
                _places switch { 1 => "[N, C, L] or [C, L]", 2 => "[N, C, H, W] or [C, H, W]", _ => "[N, C, D, H, W] or [C, D, H, W]" });
        using var scope = NewDisposeScope();
        // The size may come with the channels, as it does with a batch.
        var size = outputSize?.Length == _places + 1 ? outputSize[1..] : outputSize;
        return IndexedPooling.MaxUnpool(input.unsqueeze(0), indices.unsqueeze(0), _kernel, _stride, _padding, size).squeeze(0)
            .MoveToOuterDisposeScope();
    }
}

/// <summary>Puts values [N, C, L] or [C, L] back at the places that max pooling took them from.</summary>
public sealed class MaxUnpool1d : MaxUnpool
{
    /// <summary>Builds the layer with the pooling's window, step (null: the window) and border (null: 0).</summary>
    public MaxUnpool1d(long[] kernel, long[]? stride = null, long[]? padding = null)
        : base(nameof(MaxUnpool1d), 1, kernel, stride, padding)
    {
    }
}

/// <summary>Puts values [N, C, H, W] or [C, H, W] back at the places that max pooling took them from.</summary>
public sealed class MaxUnpool2d : MaxUnpool
{
    /// <summary>Builds the layer with the pooling's window, step (null: the window) and border (null: 0).</summary>
    public MaxUnpool2d(long[] kernel, long[]? stride = null, long[]? padding = null)
        : base(nameof(MaxUnpool2d), 2, kernel, stride, padding)
    {
    }
}

/// <summary>Puts values [N, C, D, H, W] or [C, D, H, W] back at the places that max pooling took them from.</summary>
public sealed class MaxUnpool3d : MaxUnpool
{
    /// <summary>Builds the layer with the pooling's window, step (null: the window) and border (null: 0).</summary>
    public MaxUnpool3d(long[] kernel, long[]? stride = null, long[]? padding = null)
        : base(nameof(MaxUnpool3d), 3, kernel, stride, padding)
    {
    }
}
