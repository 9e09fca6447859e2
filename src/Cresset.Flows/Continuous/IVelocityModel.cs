using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A learned velocity field u(x, t, context), differentiable.</summary>
public interface IVelocityModel
{
    /// <summary>Whether the model reads a context; one that does not must refuse it.</summary>
    bool TakesContext => true;

    /// <summary>
    /// The velocity at states [N, ...] and times [N]; <paramref name="context"/> is what the model is conditioned on, class labels [N]
    /// (int64) or features [N, C].
    /// </summary>
    Tensor Velocity(Tensor state, Tensor time, Tensor? context = null);
}

/// <summary>From models to fields that a solver takes.</summary>
public static class VelocityModels
{
    /// <summary>The field of a model with a fixed context.</summary>
    public static VelocityField Field(this IVelocityModel model, Tensor? context = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new ConditionedField(model, context, null, 1).Evaluate;
    }

    /// <summary>
    /// Classifier-free guidance (Ho and Salimans 2022): u(null) + scale (u(context) - u(null)), both in one call of the model.
    /// </summary>
    /// <param name="model">The model, trained with the null context for a share of its samples.</param>
    /// <param name="context">The context [N, ...].</param>
    /// <param name="nullContext">The context that stands for none, of the same shape.</param>
    /// <param name="scale">1 is the conditional model, 0 the unconditional one, more is sharper.</param>
    public static VelocityField Guided(this IVelocityModel model, Tensor context, Tensor nullContext, double scale)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(nullContext);
        if (!context.shape.SequenceEqual(nullContext.shape))
            throw Cresset.Tensors.Shape.Wrong(nullContext, Cresset.Tensors.Shape.Text(context),
                "The null context replaces the context sample by sample.");
        if (!double.IsFinite(scale)) throw new ArgumentOutOfRangeException(nameof(scale), scale, "The guidance scale must be finite.");
        return scale == 1 ? model.Field(context) : new ConditionedField(model, context, nullContext, scale).Evaluate;
    }
}

/// <summary>A model with its context: a field that can also be asked about some of its rows.</summary>
internal sealed class ConditionedField(IVelocityModel model, Tensor? context, Tensor? nullContext, double scale)
{
    public Tensor Evaluate(double time, Tensor state)
    {
        using var scope = NewDisposeScope();
        if (nullContext is null) return model.Velocity(state, Times(time, state), context).MoveToOuterDisposeScope();
        var both = cat([state, state]);
        var parts = model.Velocity(both, Times(time, both), cat([context!, nullContext])).chunk(2, 0);
        return (parts[1] + (parts[0] - parts[1]) * scale).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The field of some of the samples: a context with a row for each of <paramref name="total"/> samples is cut like they are.
    /// </summary>
    public VelocityField Rows(long start, long count, long total)
    {
        Tensor? Cut(Tensor? given) =>
            given is { } tensor && tensor.dim() > 0 && tensor.size(0) == total && total > 1 ? tensor.narrow(0, start, count) : given;
        return new ConditionedField(model, Cut(context), Cut(nullContext), scale).Evaluate;
    }

    private static Tensor Times(double time, Tensor state) => full([state.size(0)], time, dtype: state.dtype, device: state.device);
}
