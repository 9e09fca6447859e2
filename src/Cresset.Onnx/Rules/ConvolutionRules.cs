using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Convolutions, their transposes, and windows taken out and put back (unfold, fold), which are convolutions with ones.</summary>
internal static class ConvolutionRules
{
    public static void AddTo(RuleTable table)
    {
        table.One("_convolution", c => Convolution(c, c.Flag(6), 7, 8));
        table.One("convolution", c => Convolution(c, c.Flag(6), 7, 8));
        table.One("_convolution_mode", NamedPadding);
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            table.One($"conv{n}d", c => Plain(c, dimensions));
        }
        table.One("im2col", Unfold);
        table.One("col2im", Fold);
    }

    private static string Convolution(OnnxOperation c, bool transposed, int outputPadding, int groups)
    {
        var n = c.Rank(1) - 2;
        var padding = c.Ints(4, n);
        List<(string, object)> attributes = [("strides", c.Ints(3, n)), ("pads", (long[])[.. padding, .. padding]),
            ("dilations", c.Ints(5, n)), ("group", c.Int(groups)), ("kernel_shape", c.SizesFrom(1, 2))];
        if (transposed) attributes.Add(("output_padding", c.Ints(outputPadding, n)));
        return Batched(c, n, transposed ? "ConvTranspose" : "Conv", attributes);
    }

    private static string Plain(OnnxOperation c, int n)
    {
        var padding = c.Ints(4, n);
        return Batched(c, n, "Conv",
            [("strides", c.Ints(3, n)), ("pads", (long[])[.. padding, .. padding]), ("dilations", c.Ints(5, n)), ("group", c.Int(6)),
                ("kernel_shape", c.SizesFrom(1, 2))]);
    }

    // 'same' puts the odd one behind, as SAME_UPPER would; written out, since that rule needs strides and sizes of its own.
    private static string NamedPadding(OnnxOperation c)
    {
        var n = c.Rank(1) - 2;
        var (kernel, dilation) = (c.SizesFrom(1, 2), c.Ints(5, n));
        var total = kernel.Select((k, i) => c.Text(4) == "same" ? dilation[i] * (k - 1) : 0).ToArray();
        return Batched(c, n, "Conv",
            [("strides", c.Ints(3, n)), ("pads", (long[])[.. total.Select(t => t / 2), .. total.Select(t => t - (t / 2))]),
                ("dilations", dilation), ("group", c.Int(6)), ("kernel_shape", kernel)]);
    }

    // One item without a batch becomes a batch of one, and is taken out again.
    private static string Batched(OnnxOperation c, int n, string type, List<(string, object)> attributes)
    {
        var single = c.Rank(0) == n + 1;
        var input = single ? c.Emit("Unsqueeze", [c.Tensor(0), c.Int64(0)]) : c.Tensor(0);
        var result = c.Emit(type, c.Has(2) ? [input, c.Tensor(1), c.Tensor(2)] : [input, c.Tensor(1)], [.. attributes]);
        return single ? c.Emit("Squeeze", [result, c.Int64(0)]) : result;
    }

    // [N, C, H, W] to [N, C * kh * kw, places]: each number of a window is one channel of a convolution with a single one.
    private static string Unfold(OnnxOperation c)
    {
        if (c.Rank(0) != 4) throw c.Refuse("its input has not four dimensions");
        var channels = c.Size(0, 1);
        var kernel = c.Ints(1, 2);
        var padding = c.Ints(3, 2);
        var windows = c.Emit("Conv", [c.Tensor(0), Ones(c, channels, kernel)], ("strides", c.Ints(4, 2)),
            ("pads", (long[])[.. padding, .. padding]), ("dilations", c.Ints(2, 2)), ("group", channels), ("kernel_shape", kernel));
        return c.Emit("Reshape", [windows, c.Int64(0, channels * kernel[0] * kernel[1], -1)]);
    }

    private static string Fold(OnnxOperation c)
    {
        if (c.Rank(0) != 3) throw c.Refuse("its input has not three dimensions");
        var (size, kernel, dilation, padding, stride) = (c.Ints(1, 2), c.Ints(2, 2), c.Ints(3, 2), c.Ints(4, 2), c.Ints(5, 2));
        long Places(int i) => ((size[i] + (2 * padding[i]) - (dilation[i] * (kernel[i] - 1)) - 1) / stride[i]) + 1;
        var channels = c.Size(0, 1) / (kernel[0] * kernel[1]);
        var windows = c.Emit("Reshape", [c.Tensor(0), c.Int64(0, channels * kernel[0] * kernel[1], Places(0), Places(1))]);
        // What the last window leaves out at the end is output padding.
        var rest = Enumerable.Range(0, 2)
            .Select(i => size[i] - (((Places(i) - 1) * stride[i]) + (dilation[i] * (kernel[i] - 1)) + 1 - (2 * padding[i]))).ToArray();
        return c.Emit("ConvTranspose", [windows, Ones(c, channels, kernel)], ("strides", stride),
            ("pads", (long[])[.. padding, .. padding]), ("dilations", dilation), ("group", channels), ("kernel_shape", kernel),
            ("output_padding", rest));
    }

    // [C * kh * kw, 1, kh, kw]: channel (c, i, j) has its one at (i, j).
    private static string Ones(OnnxOperation c, long channels, long[] kernel)
    {
        var count = kernel[0] * kernel[1];
        var type = ElementTypes.Torch(c.ResultType);
        return c.Constant(eye(count, dtype: type).reshape(1, count, 1, kernel[0], kernel[1]).repeat(channels, 1, 1, 1, 1)
            .reshape(channels * count, 1, kernel[0], kernel[1]));
    }
}
