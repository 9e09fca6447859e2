using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Pictures [N, C, H, W] over several scales (Dinh et al. 2017, figure 4): each level trades space for channels by a squeeze, applies its
/// map, and hands the first half of the channels to the next; the other halves, and all of the last level, are the latent [N, C H W], level
/// after level. With a base distribution over that vector it is a Glow or a RealNVP of any parts; with <see cref="ClassConditionalNormal"/>
/// and <see cref="ContextUse.Base"/> a class-conditional one.
/// </summary>
public sealed class MultiScale : FlowTransform
{
    private readonly long[] _shape;
    [ComponentName(Name = "levels")]
    private readonly ModuleList<FlowTransform> _levels;

    /// <summary>Makes the map.</summary>
    /// <param name="shape">C, H and W of the pictures; 2^levels divides both sides.</param>
    /// <param name="level">Makes the map of a level, given its number and its channels after the squeeze; it keeps the shape [N, channels,
    /// h, w].</param>
    /// <param name="levels">Number of levels.</param>
    public MultiScale(IReadOnlyList<long> shape, int levels, Func<int, long, FlowTransform> level)
        : base(nameof(MultiScale))
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(level);
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 1);
        if (shape.Count != 3 || shape.Any(s => s < 1))
            throw new ArgumentException($"The shape of pictures is [C, H, W]; got [{string.Join(", ", shape)}].", nameof(shape));
        if (levels > 30 || shape[1] % (1L << levels) != 0 || shape[2] % (1L << levels) != 0)
        {
            throw new ArgumentException(
                $"Pictures of {shape[2]}x{shape[1]} have no {levels} levels: 2^{levels} must divide both sides. Pad the pictures or use "
                    + $"fewer levels.", nameof(levels));
        }
        _shape = [.. shape];
        // A squeeze makes four channels of one, a level hands on half.
        _levels = new ModuleList<FlowTransform>([.. Enumerable.Range(0, levels).Select(i => level(i, (_shape[0] << i) * 4))]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _levels.Any(l => l.TakesContext);

    internal override int? SampleDimensions => 3;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        if (!TakesContext) RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N C H W", [("C", _shape[0]), ("H", _shape[1]), ("W", _shape[2])]);
        using var scope = NewDisposeScope();
        Tensor current = x, total = zeros(x.size(0), dtype: x.dtype, device: x.device);
        List<Tensor> latents = [];
        for (var i = 0; i < _levels.Count; i++)
        {
            var squeezed = Squeeze.Apply(current);
            var (mapped, log) = _levels[i].Forward(squeezed, _levels[i].TakesContext ? context : null);
            CheckLevel(i, squeezed, mapped);
            total = total + log;
            var halves = i == _levels.Count - 1 ? [mapped, mapped] : mapped.chunk(2, 1);
            (current, var latent) = (halves[0], halves[1]);
            latents.Add(latent.flatten(1));
        }
        return Move(cat(latents, 1), total);
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        if (!TakesContext) RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _shape[0] * _shape[1] * _shape[2]));
        using var scope = NewDisposeScope();
        Tensor? current = null;
        Tensor total = zeros(z.size(0), dtype: z.dtype, device: z.device);
        var end = z.size(1);
        for (var i = _levels.Count - 1; i >= 0; i--)
        {
            long channels = (_shape[0] << i) * (current is null ? 4 : 2), height = _shape[1] >> (i + 1), width = _shape[2] >> (i + 1);
            var size = channels * height * width;
            end -= size;
            var latent = z.narrow(1, end, size).reshape(z.size(0), channels, height, width);
            var (mapped, log) = _levels[i].Inverse(current is null ? latent : cat([current, latent], 1),
                _levels[i].TakesContext ? context : null);
            total = total + log;
            current = Squeeze.Undo(mapped);
        }
        return Move(current!, total);
    }

    private static void CheckLevel(int level, Tensor before, Tensor after)
    {
        if (!after.shape.AsSpan().SequenceEqual(before.shape))
        {
            throw new InvalidOperationException(
                $"MultiScale: the map of level {level} makes {Cresset.Tensors.Shape.Text(after)} of {Cresset.Tensors.Shape.Text(before)}; "
                    + $"a level keeps its shape.");
        }
    }
}
