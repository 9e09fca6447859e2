using Cresset.Rl;
using Xunit;

namespace MyWorld.Tests;

public sealed class ThermostatTests
{
    /// <summary>Observations in their space, no randomness of its own, a state that can be saved in the middle of an episode.</summary>
    [Fact]
    public void ItKeepsTheContractOfEnvironments() => Assert.Empty(EnvironmentChecks.Check(new ThermostatSource()));

    [Fact]
    public void HeatingAColdRoomPays()
    {
        Assert.True(Return(heat: 1) > Return(heat: 0));

        static double Return(int heat)
        {
            var room = new Thermostat(target: 21);
            var observation = room.Reset(seed: 1);
            var sum = 0.0;
            for (var step = 0; step < 96; step++) sum += room.Step(heat, observation).Reward;
            return sum;
        }
    }
}
