namespace Cresset.Numerics;

/// <summary>A rule given as a function of k. Its conditions are known only as far as the caller states its decay.</summary>
/// <param name="Function">The size for k = 0, 1, ...; must be finite and not negative.</param>
/// <param name="KnownDecay">Its behaviour far out, if known.</param>
/// <param name="Name">What to call it in tables.</param>
public sealed record CustomStepSize(Func<long, double> Function, StepSizeDecay? KnownDecay = null, string Name = "custom") : StepSizeRule
{
    /// <inheritdoc/>
    public override StepSizeDecay? Decay => KnownDecay;

    /// <inheritdoc/>
    public override string Formula => Name;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Function is not null, null, "a function of k")
        .Must(Function is null || (double.IsFinite(Function(0)) && Function(0) >= 0), Function?.Invoke(0),
            "a finite size of at least 0 at k = 0", field: nameof(Function));

    /// <inheritdoc/>
    protected override double Compute(long k)
    {
        var size = Function(k);
        return double.IsFinite(size) && size >= 0
            ? size
            : throw new InvalidOperationException(
                $"The step-size function \"{Name}\" gave {size} at k = {k}; a finite size of at least 0 is needed.");
    }
}
