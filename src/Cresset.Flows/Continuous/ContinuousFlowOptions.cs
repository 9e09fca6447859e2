using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>A continuous flow with the exact trace.</summary>
[Part("ffjord", "Grathwohl et al. 2018, arXiv:1810.01367", Aliases = ["cnf"])]
public sealed record ContinuousFlowOptions : FlowOptions
{
    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Number of hidden layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Activation of the velocity field; smooth ones suit solvers.</summary>
    public ActivationOptions Activation { get; init; } = new SoftplusActivation();

    /// <summary>The solver.</summary>
    public OdeSolver Solver { get; init; } = new Dopri5Solver { Tolerance = 1e-4 };

    /// <summary>How training gradients go through the solve.</summary>
    public OdeGradient Gradient { get; init; } = OdeGradient.Direct;

    /// <summary>Weight of the kinetic energy in the loss (Finlay et al. 2020): straighter paths, fewer evaluations.</summary>
    public double KineticWeight { get; init; }

    /// <summary>Weight of the squared Frobenius norm of the Jacobian in the loss.</summary>
    public double JacobianWeight { get; init; }

    /// <inheritdoc/>
    public override bool TakesContext => true;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Width, 1, 100_000)
        .Within(Layers, 1, 100)
        .Must(LayerActivation.Refuses(Activation) is null, Activation, LayerActivation.Allowed)
        .Must(Solver is not null, Solver, "a solver (cresset list --solvers)")
        .Nested(Solver)
        .Defined(Gradient)
        .AtLeast(KineticWeight, 0)
        .AtLeast(JacobianWeight, 0);

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context)
    {
        var features = Features(shape);
        var field = new MlpVelocity(
            new MlpVelocityOptions
            {
                Features = features,
                Context = context,
                Hidden = [.. Enumerable.Repeat(Width, Layers)],
                Activation = Activation
            });
        return new ContinuousFlow(field, new NormalBase(features),
            new CnfOptions
            {
                Solver = Solver.ToOptions(),
                Gradient = Gradient,
                KineticWeight = KineticWeight,
                JacobianWeight = JacobianWeight
            });
    }
}
