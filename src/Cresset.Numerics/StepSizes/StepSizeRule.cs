namespace Cresset.Numerics;

/// <summary>
/// A rule for the step sizes <c>a_0, a_1, a_2, ...</c> of a stochastic approximation, an incremental mean, a value update or a
/// learning-rate schedule.
/// The argument k is the number of updates made before this one, so the first update uses <c>At(0)</c>; every rule is a pure function of k.
/// </summary>
[PartKind("step-size", FromText = nameof(Parse))]
public abstract record StepSizeRule : IOptionsRecord
{
    /// <summary>The step size of the update with index <paramref name="k"/> (0 for the first).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="k"/> is negative.</exception>
    public double At(long k)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        return Compute(k);
    }

    /// <summary>The behaviour far out, from which the convergence conditions follow; null when nothing is known about it.</summary>
    public abstract StepSizeDecay? Decay { get; }

    /// <summary>Which of the classical convergence conditions the rule meets.</summary>
    public RobbinsMonroConditions Conditions => RobbinsMonroConditions.Of(this);

    /// <summary>The formula in k, as <see cref="Parse"/> reads it.</summary>
    public abstract string Formula { get; }

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();

    /// <summary>The value for <paramref name="k"/> >= 0.</summary>
    protected abstract double Compute(long k);

    /// <summary>The first <paramref name="count"/> step sizes.</summary>
    public double[] Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var values = new double[count];
        for (var k = 0; k < count; k++) values[k] = Compute(k);
        return values;
    }

    /// <summary>The same size at every step: tracks a moving target, never settles.</summary>
    public static StepSizeRule Constant(double size) => new ConstantStepSize { Size = size }.ThrowIfInvalid();

    /// <summary><c>1/(k+1)</c>: makes the incremental update the exact sample mean.</summary>
    public static StepSizeRule SampleMean { get; } = new PowerStepSize();

    /// <summary><c>a/(k+1+A)^alpha</c>, Robbins and Monro's family with Spall's stability constant A.</summary>
    public static StepSizeRule Power(double a, double alpha = 1, double stability = 0)
        => new PowerStepSize { A = a, Alpha = alpha, Stability = stability }.ThrowIfInvalid();

    /// <summary><c>a gamma^k</c>: a geometric sequence, whose sum is finite, so it cannot reach a far optimum.</summary>
    public static StepSizeRule Exponential(double a, double gamma) => new ExponentialStepSize { A = a, Gamma = gamma }.ThrowIfInvalid();

    /// <summary>
    /// Straight from <paramref name="start"/> to <paramref name="end"/> in <paramref name="steps"/> updates, then constant.
    /// </summary>
    public static StepSizeRule Linear(double start, double end, long steps)
        => new LinearStepSize { Start = start, End = end, Steps = steps }.ThrowIfInvalid();

    /// <summary>This rule, never below <paramref name="floor"/> (keeps a tracker alive).</summary>
    public StepSizeRule WithFloor(double floor) => new FlooredStepSize { Inner = this, Floor = floor }.ThrowIfInvalid();

    /// <summary>This rule, its first <paramref name="steps"/> values scaled by (k+1)/steps.</summary>
    public StepSizeRule WithWarmUp(long steps) => new WarmedUpStepSize { Inner = this, Steps = steps }.ThrowIfInvalid();

    /// <summary>
    /// Reads a formula such as <c>0.1</c>, <c>1/k</c>, <c>0.5/k^0.75</c>, <c>0.2/(k+10)^0.602</c>, <c>1/sqrt(k)</c>, <c>0.1/(1+0.01*k)</c>,
    /// <c>0.1*0.99^k</c> or <c>linear(1, 0.1, 500)</c>. A denominator counts k from 1, as in the literature; an exponent, and the form
    /// 1+b*k, from 0.
    /// </summary>
    /// <exception cref="FormatException">The text is not one of these forms.</exception>
    public static StepSizeRule Parse(string text) => StepSizeFormula.Parse(text);

    /// <inheritdoc/>
    public sealed override string ToString() => Formula;
}
