using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Samples.Worlds;

/// <summary>Keep a room warm while the weather changes and heating costs.</summary>
[Part("thermostat")]
public sealed record ThermostatSource : EnvironmentSource
{
    /// <summary>Wanted temperature, in degrees.</summary>
    public double Target { get; init; } = 21;

    /// <summary>Size of the random changes of the weather, in degrees.</summary>
    public double Draught { get; init; } = 0.5;

    public override IEnvironment Make() => new Thermostat(Target, Draught);

    public override IEnumerable<OptionProblem> Validate() =>
        [.. base.Validate(), .. new OptionChecks().Within(Target, 5, 35).Within(Draught, 0, 10)];
}
