using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Samples of any batch shape and their contexts, as rows [N, ...]; refuses what a density cannot be asked about.</summary>
internal sealed class SampleRows
{
    private readonly long[] _batch;

    private SampleRows(Tensor values, Tensor? context, long[] batch) => (Values, Context, _batch) = (values, context, batch);

    /// <summary>The samples [N, ...event].</summary>
    public Tensor Values { get; }

    /// <summary>One context for each sample, or null.</summary>
    public Tensor? Context { get; }

    /// <param name="owner">The model, for messages.</param>
    /// <param name="values">Samples [..., event].</param>
    /// <param name="context">Labels [...] or features [..., C] that broadcast to the samples; a context with a row for each of N samples
    /// may have any shape.</param>
    /// <param name="eventDimensions">Dimensions of one sample; null where only the first dimension is known to count samples.</param>
    /// <param name="like">A tensor of the model: its type and place; null where unknown.</param>
    /// <param name="name">The argument, for messages.</param>
    public static SampleRows Of(string owner, Tensor values, Tensor? context, int? eventDimensions, Tensor? like, string name = "x")
    {
        ArgumentNullException.ThrowIfNull(values, name);
        FiniteValues.CheckType(values, like, owner, name);
        FiniteValues.Check(values, owner, name);
        CheckContext(owner, context, like);
        if (eventDimensions is not { } size)
        {
            if (values.dim() == 0) throw Shape.Wrong(values, "[N, ...]", "", name, owner);
            return Row(owner, values, context, [values.size(0)], 1);
        }
        if (values.dim() < size)
            throw Shape.Wrong(values, $"[N, ...] with {size} dimension{(size == 1 ? "" : "s")} a sample", "", name, owner);
        var batch = values.shape[..(int)(values.dim() - size)];
        return Row(owner, values, context, batch, batch.Length);
    }

    /// <summary>The context of <paramref name="count"/> samples that are to be drawn: one for all of them, or one each.</summary>
    public static Tensor? ContextFor(string owner, long count, Tensor? context, Tensor? like)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        CheckContext(owner, context, like);
        if (context is null) return null;
        if (IsRowwise(context, count)) return context;
        if (context.dim() > 2 && context.size(0) == 1) return context.expand([count, .. context.shape[1..]]);
        long[] given = Batch(context);
        if (given.Any(s => s != 1))
            throw Shape.Wrong(context, $"one context for all samples, or {count} of them",
                "For several samples of each context repeat it: context.repeat_interleave(k, 0), with a count of k times as many.",
                nameof(context), owner);
        return context.is_floating_point() ? context.reshape(1, -1).expand(count, -1) : context.reshape(1).expand(count);
    }

    /// <summary>[N, ...] back to the batch shape that was given.</summary>
    public Tensor Restore(Tensor rows) => _batch.Length == 1 ? rows.alias() : rows.reshape([.. _batch, .. rows.shape[1..]]);

    private static SampleRows Row(string owner, Tensor values, Tensor? context, long[] batch, int batchDimensions)
    {
        var own = values.shape[batchDimensions..];
        if (batch.Length == 1 && (context is null || IsRowwise(context, batch[0]))) return new SampleRows(values, context, batch);
        if (batch.Length == 1 && context!.dim() > 2 && context.size(0) == 1)
            return new SampleRows(values, context.expand([batch[0], .. context.shape[1..]]), batch);
        if (context is null) return new SampleRows(values.reshape([-1, .. own]), null, batch);
        var whole = Broadcast(batch, Batch(context))
            ?? throw Shape.Wrong(context, $"a shape that broadcasts to the samples' [{string.Join(", ", batch)}]",
                "One context for all samples, or one for each.", nameof(context), owner);
        var spread = values.expand([.. whole, .. own]).reshape([-1, .. own]);
        var given = context.is_floating_point() ? context.expand([.. whole, context.size(-1)]).reshape(-1, context.size(-1))
            : context.expand(whole).reshape(-1);
        return new SampleRows(spread, given, whole);
    }

    // Features of one dimension are those of one context, however many there are.
    private static bool IsRowwise(Tensor context, long count) =>
        context.dim() > (context.is_floating_point() ? 1 : 0) && context.size(0) == count;

    private static long[] Batch(Tensor context) => context.is_floating_point() && context.dim() > 0 ? context.shape[..^1] : context.shape;

    private static long[]? Broadcast(long[] a, long[] b)
    {
        var result = new long[Math.Max(a.Length, b.Length)];
        for (var i = 1; i <= result.Length; i++)
        {
            long left = i <= a.Length ? a[^i] : 1, right = i <= b.Length ? b[^i] : 1;
            if (left != right && left != 1 && right != 1) return null;
            result[^i] = left == 1 ? right : left;
        }
        return result;
    }

    private static void CheckContext(string owner, Tensor? context, Tensor? like)
    {
        if (context is null || !context.is_floating_point()) return;
        FiniteValues.CheckType(context, like, owner, nameof(context));
        FiniteValues.Check(context, owner, nameof(context));
    }
}
