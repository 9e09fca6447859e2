namespace Cresset.Optim;

/// <summary>What a step did.</summary>
/// <param name="GradientNorm">The norm of all gradients before clipping (after the gradient scale); NaN when no norm was asked for.</param>
/// <param name="Skipped">The gradients were not finite and the clipping asked to leave the weights alone.</param>
/// <param name="Loss">What the closure returned at the weights before the step; NaN without a closure.</param>
public readonly record struct StepResult(double GradientNorm, bool Skipped, double Loss = double.NaN);
