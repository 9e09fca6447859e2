namespace Cresset.Flows;

/// <summary>A one-step method: explicit Runge-Kutta, or Rosenbrock for stiff problems.</summary>
public enum OdeMethod
{
    /// <summary>Euler, order 1, fixed step, 1 evaluation a step.</summary>
    Euler,

    /// <summary>Explicit midpoint, order 2, fixed step, 2 evaluations.</summary>
    Midpoint,

    /// <summary>Heun's second-order method (explicit trapezoid), fixed step, 2 evaluations.</summary>
    Heun,

    /// <summary>Heun's third-order method, fixed step, 3 evaluations.</summary>
    Heun3,

    /// <summary>The classic fourth-order method, fixed step, 4 evaluations.</summary>
    Rk4,

    /// <summary>Kutta's 3/8 rule, order 4, fixed step, 4 evaluations (what torchdiffeq calls rk4).</summary>
    Rk4ThreeEighths,

    /// <summary>Heun with an embedded Euler step, order 2(1), adaptive, 2 evaluations.</summary>
    AdaptiveHeun,

    /// <summary>Bogacki and Shampine 1989, order 3(2), adaptive, 3 evaluations.</summary>
    Bosh3,

    /// <summary>Dormand and Prince 1980, order 5(4), adaptive, 6 evaluations.</summary>
    Dopri5,

    /// <summary>Tsitouras 2011, order 5(4), adaptive, 6 evaluations.</summary>
    Tsit5,

    /// <summary>Prince and Dormand 1981, order 8(7), adaptive, 13 evaluations.</summary>
    Dopri8,

    /// <summary>
    /// RODAS (Hairer and Wanner 1996), a Rosenbrock method of order 4(3) for stiff problems, adaptive: a Jacobian and six linear systems a
    /// step.
    /// </summary>
    Rodas4,
}

/// <summary>Facts about the methods.</summary>
public static class OdeMethods
{
    /// <summary>Whether the method estimates its error and chooses its own steps.</summary>
    public static bool IsAdaptive(this OdeMethod method) => ButcherTableau.Of(method).Error is not null;

    /// <summary>The order of the solution that is carried on.</summary>
    public static int Order(this OdeMethod method) => ButcherTableau.Of(method).Order;
}
