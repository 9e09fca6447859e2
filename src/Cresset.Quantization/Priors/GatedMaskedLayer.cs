using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// One layer of the gated PixelCNN (van den Oord et al. 2016, arXiv:1606.05328, figure 2): a vertical stack that sees the rows above, a
/// horizontal stack that sees the row to the left, tanh·sigmoid gates, and a 1x1 link from the vertical to the horizontal stack.
/// </summary>
/// <remarks>
/// State-dict keys: <c>vert_stack</c>, <c>vert_to_horiz</c>, <c>horiz_stack</c>, <c>horiz_resid</c>, <c>class_cond_embedding</c>.
/// The type A layer shifts by masking the last row and column of its kernels in every pass.
/// </remarks>
internal sealed class GatedMaskedLayer : nn.Module
{
    [ComponentName(Name = "class_cond_embedding")]
    private readonly Embedding? _classes;
    [ComponentName(Name = "vert_stack")]
    private readonly Conv2d _vertical;
    [ComponentName(Name = "vert_to_horiz")]
    private readonly Conv2d _link;
    [ComponentName(Name = "horiz_stack")]
    private readonly Conv2d _horizontal;
    [ComponentName(Name = "horiz_resid")]
    private readonly Conv2d _residual;
    private readonly MaskKind _kind;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    /// <param name="width">Channels of both stacks.</param>
    /// <param name="kernel">Odd kernel.</param>
    /// <param name="kind">A for the first layer, else B.</param>
    /// <param name="classes">Classes; 0 for none.</param>
    /// <param name="generator">Source of the weights.</param>
    public GatedMaskedLayer(long width, long kernel, MaskKind kind, int classes = 0, Generator? generator = null)
        : base(nameof(GatedMaskedLayer))
    {
        if (kernel < 1 || kernel % 2 == 0) throw new ArgumentOutOfRangeException(nameof(kernel), kernel, "The kernel must be odd.");
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        _kind = kind;
        Kernel = kernel;
        var half = kernel / 2;
        if (classes > 0) _classes = nn.Embedding(classes, 2 * width);
        _vertical = nn.Conv2d(width, 2 * width, (half + 1, kernel), stride: (1, 1), padding: (half, half));
        _link = nn.Conv2d(2 * width, 2 * width, 1);
        _horizontal = nn.Conv2d(width, 2 * width, (1, half + 1), stride: (1, 1), padding: (0, half));
        _residual = nn.Conv2d(width, width, 1);
        foreach (var module in new nn.Module[] { _vertical, _link, _horizontal, _residual }) Initialize.Reset(module, generator!);
        if (_classes is not null) Initialize.Normal(_classes.weight!, generator: generator);
        RegisterComponents();
    }

    /// <summary>Width of the kernel.</summary>
    public long Kernel { get; }

    internal bool HasResidual => _kind == MaskKind.B;

    /// <summary>Both stacks one layer on.</summary>
    /// <param name="vertical">[N, C, H, W].</param>
    /// <param name="horizontal">[N, C, H, W].</param>
    /// <param name="told">What the condition adds before the gates, [N, 2C]; null without one.</param>
    public (Tensor Vertical, Tensor Horizontal) Apply(Tensor vertical, Tensor horizontal, Tensor? told = null)
    {
        Shape.Expect(vertical, "N C H W", ("C", _residual.weight!.size(1)));
        Shape.Expect(horizontal, "N C H W",
            [("N", vertical.size(0)), ("C", vertical.size(1)), ("H", vertical.size(2)), ("W", vertical.size(3))]);
        using var scope = NewDisposeScope();
        var half = Kernel / 2;
        // Rows are cropped to H and columns to W: maps need not be square.
        var v = nn.functional.conv2d(vertical, VerticalWeight(vertical), Like(_vertical.bias!, vertical), padding: [half, half])
            .narrow(2, 0, vertical.size(2));
        var h = nn.functional.conv2d(horizontal, HorizontalWeight(horizontal), Like(_horizontal.bias!, horizontal), padding: [0, half])
            .narrow(3, 0, horizontal.size(3));
        var condition = told?.unsqueeze(2).unsqueeze(3);
        var link = _link.call(v) + h;
        var outV = Gate(condition is null ? v : v + condition);
        var outH = _residual.call(Gate(condition is null ? link : link + condition));
        if (HasResidual) outH = outH + horizontal;
        return (outV.MoveToOuterDisposeScope(), outH.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The vertical stack's row before its gate, [N, 2C, 1, W], and the link to the horizontal stack in the same shape, from the kernel's
    /// rows of input [N, C, half + 1, W].
    /// </summary>
    internal (Tensor Row, Tensor Link) VerticalRow(Tensor rows)
    {
        var v = nn.functional.conv2d(rows, VerticalWeight(rows), Like(_vertical.bias!, rows), padding: [0, Kernel / 2]);
        return (v, _link.call(v));
    }

    /// <summary>
    /// The horizontal stack at one position [N, C] from its kernel's columns of input [N, C, half + 1], the link [N, 2C] and the condition.
    /// </summary>
    internal Tensor HorizontalStep(Tensor columns, Tensor link, Tensor? condition, Tensor flatWeight)
    {
        var h = addmm(Like(_horizontal.bias!, columns), columns.reshape(columns.size(0), -1), flatWeight, 1, 1) + link;
        if (condition is not null) h = h + condition;
        var gated = Gate(h);
        var output = addmm(Like(_residual.bias!, gated), gated, Like(_residual.weight!, gated).flatten(1).t(), 1, 1);
        return HasResidual ? output + columns.select(2, columns.size(2) - 1) : output;
    }

    /// <summary>Rows [N, 2C] of classes int64 [N]; null without classes.</summary>
    internal Tensor? RowsOf(Tensor? labels) => _classes?.call(labels!);

    internal static Tensor Gate(Tensor x)
    {
        var half = x.size(1) / 2;
        return x.narrow(1, 0, half).tanh() * x.narrow(1, half, half).sigmoid();
    }

    /// <summary>The horizontal weights as a matrix [C (half + 1), 2C].</summary>
    internal Tensor FlatHorizontalWeight(Tensor input) => HorizontalWeight(input).flatten(1).t();

    private Tensor VerticalWeight(Tensor input) => Like(_kind == MaskKind.B ? _vertical.weight! : Masked(_vertical.weight!, 2), input);

    private Tensor HorizontalWeight(Tensor input) =>
        Like(_kind == MaskKind.B ? _horizontal.weight! : Masked(_horizontal.weight!, 3), input);

    // Training in bfloat16 narrows the convolutions' weights, which are used here without their modules.
    private static Tensor Like(Tensor weight, Tensor input) => weight.to(input.dtype);

    private static Tensor Masked(Tensor weight, int dimension)
    {
        var last = weight.size(dimension) - 1;
        return cat([weight.narrow(dimension, 0, last), zeros_like(weight.narrow(dimension, last, 1))], dimension);
    }
}
