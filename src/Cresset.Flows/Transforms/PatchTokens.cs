using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Cuts pictures [N, C, H, W] into square patches, row by row, as tokens [N, H / p * W / p, C p p]; channels lie outermost in a token.
/// </summary>
internal sealed class PatchTokens : FlowTransform
{
    private readonly long _channels;
    private readonly long _rows;
    private readonly long _columns;
    private readonly int _patch;

    /// <summary>Makes the map.</summary>
    /// <param name="channels">Channels of the pictures.</param>
    /// <param name="height">Their height, divisible by <paramref name="patch"/>.</param>
    /// <param name="width">Their width, divisible by <paramref name="patch"/>.</param>
    /// <param name="patch">Side of a patch.</param>
    public PatchTokens(long channels, long height, long width, int patch)
        : base(nameof(PatchTokens))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(patch, 1);
        if (height < 1 || width < 1 || height % patch != 0 || width % patch != 0)
        {
            throw new ArgumentException(
                $"Pictures of {width}x{height} are not cut into patches of {patch}x{patch}: both sides must be multiples of {patch}.",
                nameof(patch));
        }
        (_channels, _rows, _columns, _patch) = (channels, height / patch, width / patch, patch);
        RegisterComponents();
    }

    /// <summary>Number of tokens.</summary>
    public long Tokens => _rows * _columns;

    /// <summary>Values of a token.</summary>
    public long Values => _channels * _patch * _patch;

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N C H W", [("C", _channels), ("H", _rows * _patch), ("W", _columns * _patch)]);
        using var scope = NewDisposeScope();
        var parts = x.reshape(x.size(0), _channels, _rows, _patch, _columns, _patch).permute(0, 2, 4, 1, 3, 5);
        return Move(parts.reshape(x.size(0), Tokens, Values), zeros(x.size(0), dtype: x.dtype, device: x.device));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N T P", [("T", Tokens), ("P", Values)]);
        using var scope = NewDisposeScope();
        var parts = z.reshape(z.size(0), _rows, _columns, _channels, _patch, _patch).permute(0, 3, 1, 4, 2, 5);
        return Move(parts.reshape(z.size(0), _channels, _rows * _patch, _columns * _patch),
            zeros(z.size(0), dtype: z.dtype, device: z.device));
    }
}
