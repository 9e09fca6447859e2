using System.Runtime.CompilerServices;

namespace Cresset.Rl;

/// <summary>The state of a cart with a pole: metres, radians, seconds.</summary>
/// <param name="Position">Position of the cart; 0 is the middle.</param>
/// <param name="Velocity">Speed of the cart.</param>
/// <param name="Angle">Angle of the pole from upright, clockwise.</param>
/// <param name="AngularVelocity">Angular speed of the pole.</param>
public record struct CartPoleState(double Position, double Velocity, double Angle, double AngularVelocity);

/// <summary>How the cart-pole's accelerations are integrated.</summary>
public enum CartPoleIntegrator
{
    /// <summary>Explicit Euler: positions move with the old velocities.</summary>
    Euler,

    /// <summary>Semi-implicit Euler: positions move with the new velocities.</summary>
    SemiImplicitEuler,
}

/// <summary>
/// The cart-pole's equations of motion (Barto, Sutton and Anderson 1983; Florian 2007) in double precision and in exactly the order of
/// operations of Gymnasium, so that states agree to the last bit.
/// </summary>
internal static class CartPoleDynamics
{
    /// <summary>Beyond this distance from the middle the episode ends.</summary>
    public const double PositionLimit = 2.4;

    /// <summary>Beyond this angle (12 degrees) the episode ends.</summary>
    public const double AngleLimit = 12 * 2 * Math.PI / 360;

    internal const double Gravity = 9.8;
    internal const double PoleMass = 0.1;
    internal const double HalfLength = 0.5;
    internal const double TimeStep = 0.02;
    internal const double ForceMagnitude = 10.0;
    internal const double TotalMass = PoleMass + 1.0;
    internal const double PoleMassLength = PoleMass * HalfLength;

    /// <summary>Moves <paramref name="state"/> on by 0.02 s; true when the pole fell or the cart left the track.</summary>
    /// <param name="state">The state, replaced by the next.</param>
    /// <param name="right">Whether the cart is pushed to the right (else left) with 10 N.</param>
    /// <param name="semiImplicit">Use the new velocities to move positions.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Step(ref CartPoleState state, bool right, bool semiImplicit = false)
    {
        var (x, velocity, angle, angular) = state;
        var force = right ? ForceMagnitude : -ForceMagnitude;
        var (sin, cos) = Math.SinCos(angle);
        var temp = (force + (PoleMassLength * (angular * angular) * sin)) / TotalMass;
        var angularAcceleration = ((Gravity * sin) - (cos * temp)) / (HalfLength * ((4.0 / 3.0) - (PoleMass * (cos * cos) / TotalMass)));
        var acceleration = temp - (PoleMassLength * angularAcceleration * cos / TotalMass);
        if (semiImplicit)
        {
            velocity += TimeStep * acceleration;
            x += TimeStep * velocity;
            angular += TimeStep * angularAcceleration;
            angle += TimeStep * angular;
        }
        else
        {
            x += TimeStep * velocity;
            velocity += TimeStep * acceleration;
            angle += TimeStep * angular;
            angular += TimeStep * angularAcceleration;
        }
        state = new CartPoleState(x, velocity, angle, angular);
        return !(x >= -PositionLimit && x <= PositionLimit && angle >= -AngleLimit && angle <= AngleLimit);
    }
}
