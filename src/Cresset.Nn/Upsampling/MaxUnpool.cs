using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Puts values [N, C, L] back at the places that max pooling took them from; zeros elsewhere. TorchSharp 0.107's own ignores its stride and throws on an output size.</summary>
public sealed class MaxUnpool1d : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly long[] _kernel;
    private readonly long[]? _stride;
    private readonly long[]? _padding;

    /// <summary>Builds the layer with the pooling's window, step (null: the window) and border (null: 0).</summary>
    public MaxUnpool1d(long[] kernel, long[]? stride = null, long[]? padding = null)
        : base(nameof(MaxUnpool1d))
    {
        ArgumentNullException.ThrowIfNull(kernel);
        (_kernel, _stride, _padding) = (kernel, stride, padding);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor indices) => Forward(input, indices, null);

    /// <summary>With the size before pooling, see <see cref="IndexedPooling.MaxUnpool"/>.</summary>
    public Tensor Forward(Tensor input, Tensor indices, long[]? outputSize)
    {
        if (input.dim() != 3) throw Cresset.Tensors.Shape.Wrong(input, "[N, C, L]");
        return IndexedPooling.MaxUnpool(input, indices, _kernel, _stride, _padding, outputSize);
    }
}

/// <summary>Puts values [N, C, H, W] back at the places that max pooling took them from; zeros elsewhere. TorchSharp 0.107's own ignores its stride and throws on an output size.</summary>
public sealed class MaxUnpool2d : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly long[] _kernel;
    private readonly long[]? _stride;
    private readonly long[]? _padding;

    /// <summary>Builds the layer with the pooling's window, step (null: the window) and border (null: 0).</summary>
    public MaxUnpool2d(long[] kernel, long[]? stride = null, long[]? padding = null)
        : base(nameof(MaxUnpool2d))
    {
        ArgumentNullException.ThrowIfNull(kernel);
        (_kernel, _stride, _padding) = (kernel, stride, padding);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor indices) => Forward(input, indices, null);

    /// <summary>With the size before pooling, see <see cref="IndexedPooling.MaxUnpool"/>.</summary>
    public Tensor Forward(Tensor input, Tensor indices, long[]? outputSize)
    {
        if (input.dim() != 4) throw Cresset.Tensors.Shape.Wrong(input, "[N, C, H, W]");
        return IndexedPooling.MaxUnpool(input, indices, _kernel, _stride, _padding, outputSize);
    }
}

/// <summary>Puts values [N, C, D, H, W] back at the places that max pooling took them from; zeros elsewhere. TorchSharp 0.107's own ignores its stride and throws on an output size.</summary>
public sealed class MaxUnpool3d : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly long[] _kernel;
    private readonly long[]? _stride;
    private readonly long[]? _padding;

    /// <summary>Builds the layer with the pooling's window, step (null: the window) and border (null: 0).</summary>
    public MaxUnpool3d(long[] kernel, long[]? stride = null, long[]? padding = null)
        : base(nameof(MaxUnpool3d))
    {
        ArgumentNullException.ThrowIfNull(kernel);
        (_kernel, _stride, _padding) = (kernel, stride, padding);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor indices) => Forward(input, indices, null);

    /// <summary>With the size before pooling, see <see cref="IndexedPooling.MaxUnpool"/>.</summary>
    public Tensor Forward(Tensor input, Tensor indices, long[]? outputSize)
    {
        if (input.dim() != 5) throw Cresset.Tensors.Shape.Wrong(input, "[N, C, D, H, W]");
        return IndexedPooling.MaxUnpool(input, indices, _kernel, _stride, _padding, outputSize);
    }
}
