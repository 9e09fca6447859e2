using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>A convolution that pads by mirroring, all of it on the left where it is causal, and fills up the last window.</summary>
internal sealed class EncodecConvolution : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Conv1d _convolution;
    private readonly long _window;
    private readonly long _stride;
    private readonly bool _isCausal;

    public EncodecConvolution(long from, long to, long kernel, bool causal, long stride = 1, long dilation = 1)
        : base(nameof(EncodecConvolution))
    {
        _convolution = nn.Conv1d(from, to, kernel, stride: stride, dilation: dilation);
        (_window, _stride, _isCausal) = (((kernel - 1) * dilation) + 1, stride, causal);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        long padding = _window - _stride, length = input.size(2);
        var frames = (length - _window + padding + _stride - 1) / _stride;
        var missing = (frames * _stride) + _window - padding - length;
        var right = _isCausal ? 0 : padding / 2;
        return _convolution.call(Mirrored(input, padding - right, right + missing)).MoveToOuterDisposeScope();
    }

    // A mirror needs more samples than it gives: a short sound is lengthened by silence first, which is taken off again.
    private static Tensor Mirrored(Tensor x, long left, long right)
    {
        if (left == 0 && right == 0) return x;
        var lacking = Math.Max(0, Math.Max(left, right) - x.size(2) + 1);
        if (lacking > 0) x = nn.functional.pad(x, [0, lacking]);
        var padded = nn.functional.pad(x, [left, right], mode: PaddingModes.Reflect);
        return lacking > 0 ? padded.narrow(2, 0, padded.size(2) - lacking) : padded;
    }
}

/// <summary>A transposed convolution that takes off what its kernel adds, at the right where it is causal.</summary>
internal sealed class EncodecLengthening : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "convtr")]
    private readonly ConvTranspose1d _convolution;
    private readonly long _stride;
    private readonly bool _isCausal;

    public EncodecLengthening(long from, long to, long stride, bool causal)
        : base(nameof(EncodecLengthening))
    {
        _convolution = nn.ConvTranspose1d(from, to, 2 * stride, stride: stride);
        (_stride, _isCausal) = (stride, causal);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var left = _isCausal ? 0 : _stride - (_stride / 2);
        return _convolution.call(input).narrow(2, left, input.size(2) * _stride).MoveToOuterDisposeScope();
    }
}

/// <summary>Two convolutions behind ELUs beside one of width 1.</summary>
internal sealed class EncodecUnit : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "block")]
    private readonly Sequential _block;
    [ComponentName(Name = "shortcut")]
    private readonly EncodecConvolution _shortcut;

    public EncodecUnit(long width, EncodecOptions options, long dilation)
        : base(nameof(EncodecUnit))
    {
        _block = nn.Sequential(
            nn.ELU(), new EncodecConvolution(width, width / 2, options.ResidualKernel, options.Causal, dilation: dilation),
            nn.ELU(), new EncodecConvolution(width / 2, width, 1, options.Causal));
        _shortcut = new EncodecConvolution(width, width, 1, options.Causal);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return (_shortcut.call(input) + _block.call(input)).MoveToOuterDisposeScope();
    }
}

/// <summary>An LSTM over [N, C, L] with a shortcut.</summary>
internal sealed class EncodecMemory : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "lstm")]
    private readonly LSTM _lstm;

    public EncodecMemory(long width, int layers)
        : base(nameof(EncodecMemory))
    {
        _lstm = nn.LSTM(width, width, layers);
        // Unlike other layers, TorchSharp's leaves its weights in the scope in which it is made.
        foreach (var weight in _lstm.parameters()) weight.DetachFromDisposeScope();
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input.permute(2, 0, 1).contiguous();
        var (y, _, _) = _lstm.call(x);
        return (y + x).permute(1, 2, 0).contiguous().MoveToOuterDisposeScope();
    }
}
