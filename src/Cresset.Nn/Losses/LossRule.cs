using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How the losses of a batch become one number.</summary>
public enum LossReduction
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>They stay apart.</summary>
    None,

    /// <summary>Their sum, divided by the size of the first dimension.</summary>
    BatchMean,
}

/// <summary>What a loss compares predictions with.</summary>
public enum LossTarget
{
    /// <summary>Numbers, one for each predicted number.</summary>
    Values,

    /// <summary>The index of a class for each place: predictions [N, C, ...] (or [C]) are compared with [N, ...] (or []).</summary>
    Classes,
}

/// <summary>
/// A loss as data: its options and its value for predictions and targets. Half-precision predictions are compared in float32; the result
/// has the type of the predictions and derivatives of any order. Nothing is broadcast: shapes that do not fit are refused.
/// </summary>
[PartKind("loss")]
public abstract record LossRule : IOptionsRecord
{
    /// <summary>How the losses of a batch become one number.</summary>
    public LossReduction Reduction { get; init; }

    /// <summary>What predictions are compared with.</summary>
    public abstract LossTarget Takes { get; }

    /// <summary>The loss of <paramref name="prediction"/>.</summary>
    /// <param name="prediction">Floating-point numbers; their meaning (logits, probabilities, values) is that of the rule.</param>
    /// <param name="target">What they should be, see <see cref="Takes"/>.</param>
    /// <param name="weights">Of values: a factor for each, of their shape or one that broadcasts to it. Of classes: one for each class,
    /// [C].</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    /// <exception cref="ArgumentException">A type that the loss does not take, or, on the CPU, a class that does not exist.</exception>
    public Tensor Of(Tensor prediction, Tensor target, Tensor? weights = null)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(target);
        if (!prediction.is_floating_point())
            throw new ArgumentException($"{GetType().Name}: prediction is {prediction.dtype}; a loss needs floating-point numbers.",
                nameof(prediction));
        using var scope = NewDisposeScope();
        var type = prediction.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : prediction.dtype;
        return Compare(prediction.to(type), target, weights?.to(type)).to(prediction.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>This loss where targets of class <paramref name="index"/> count nothing; a loss over values stays as it is.</summary>
    public virtual LossRule Ignoring(long index) => this;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks().Defined(Reduction);
        Check(checks);
        return checks;
    }

    /// <summary>Adds the checks of the loss's own options.</summary>
    protected virtual void Check(OptionChecks checks)
    {
    }

    /// <summary>The loss in float32 or float64, reduced; called inside a dispose scope.</summary>
    protected abstract Tensor Compare(Tensor prediction, Tensor target, Tensor? weights);

    /// <summary>One number of many, or all of them, as <see cref="Reduction"/> says.</summary>
    private protected Tensor Reduced(Tensor losses) => Losses.Reduce(losses, Reduction);
}

/// <summary>A loss between numbers and numbers: one for each, of any shape, [] included.</summary>
public abstract record ValueLossRule : LossRule
{
    /// <inheritdoc/>
    public sealed override LossTarget Takes => LossTarget.Values;

    /// <inheritdoc/>
    protected sealed override Tensor Compare(Tensor prediction, Tensor target, Tensor? weights)
    {
        Losses.SameShape(GetType().Name, ("prediction", prediction), ("target", target));
        var losses = Each(prediction, target.to(prediction.dtype));
        if (weights is null) return Reduced(losses);
        if (!Broadcasts(weights, losses))
            throw new ShapeException(
                $"{GetType().Name}: weights have shape {Shape.Text(weights)}, which does not broadcast to the losses "
                    + $"{Shape.Text(losses)}.");
        return Reduced(losses * weights);
    }

    /// <summary>The loss of each number; same shape (a loss over rows drops the last dimension).</summary>
    protected abstract Tensor Each(Tensor prediction, Tensor target);

    private static bool Broadcasts(Tensor weights, Tensor losses)
    {
        if (weights.dim() > losses.dim()) return false;
        for (var i = 1; i <= weights.dim(); i++)
        {
            if (weights.size(-i) != 1 && weights.size(-i) != losses.size(-i)) return false;
        }
        return true;
    }
}
