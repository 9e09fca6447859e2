using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>Settings of a continuous normalizing flow.</summary>
public sealed record CnfOptions : IOptionsRecord
{
    /// <summary>The solver.</summary>
    public OdeOptions Solver { get; init; } = OdeOptions.Dopri5(1e-5);

    /// <summary>How training gradients go through the solve.</summary>
    public OdeGradient Gradient { get; init; } = OdeGradient.Direct;

    /// <summary>Weight of the kinetic energy in the loss (Finlay et al. 2020): straighter paths, fewer evaluations.</summary>
    public double KineticWeight { get; init; }

    /// <summary>Weight of the squared Frobenius norm of the Jacobian in the loss.</summary>
    public double JacobianWeight { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Nested(Solver)
        .Defined(Gradient)
        .AtLeast(KineticWeight, 0)
        .AtLeast(JacobianWeight, 0);
}
