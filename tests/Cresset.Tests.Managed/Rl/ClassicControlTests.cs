using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Roll-outs recorded from Gymnasium must come out to the last bit.</summary>
public sealed class ClassicControlTests
{
    private static readonly JsonElement Golden = RlReference.Load("classic_control.json");

    public static TheoryData<string> Cases =>
        [.. Golden.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void RolloutEqualsGymnasium(string name)
    {
        var golden = Golden.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        var start = golden.GetProperty("start_state").Doubles();
        var steps = golden.GetProperty("steps").GetInt32();
        var stride = golden.TryGetProperty("state_stride", out var s) ? s.GetInt32() : 1;
        var states = golden.GetProperty("state").EnumerateArray().Select(x => x.Doubles()).ToArray();
        var rewards = golden.GetProperty("reward").Doubles();
        var actions = golden.GetProperty("actions").EnumerateArray()
            .Select(x => x.ValueKind == JsonValueKind.Array ? x[0].GetDouble() : x.GetDouble()).ToArray();
        var driver = Driver.Make(golden);
        driver.SetState(start);
        var terminatedAt = golden.GetProperty("terminated_at").GetInt32();
        var truncatedAt = golden.GetProperty("truncated_at").GetInt32();
        for (var i = 0; i < steps; i++)
        {
            var outcome = driver.Step(actions[actions.Length == 1 ? 0 : i]);
            Assert.Equal(rewards[rewards.Length == 1 ? 0 : i], outcome.Reward);
            Assert.Equal(i == terminatedAt, outcome.Terminated);
            Assert.Equal(i == truncatedAt, outcome.Truncated);
            if (i % stride == 0 || i == steps - 1)
            {
                Assert.Equal(states[i == steps - 1 ? states.Length - 1 : i / stride], driver.State());
            }
            if (stride == 1 && golden.TryGetProperty("obs_float32", out var observations))
            {
                Assert.Equal(observations[i].Doubles(), driver.Observation.Select(x => (double)x));
            }
        }
        Assert.False(terminatedAt < 0 && truncatedAt < 0 && driver.Ended);
    }

    private sealed class Driver(Func<double, float[], StepOutcome> step, Action<double[]> setState, Func<double[]> state, int size)
    {
        public float[] Observation { get; } = new float[size];

        public bool Ended { get; private set; }

        public void SetState(double[] values) => setState(values);

        public double[] State() => state();

        public StepOutcome Step(double action)
        {
            var outcome = step(action, Observation);
            Ended = outcome.Ended;
            return outcome;
        }

        public static Driver Make(JsonElement golden)
        {
            var options = golden.GetProperty("kwargs");
            var attributes = golden.GetProperty("attrs");
            switch (golden.GetProperty("env").GetString())
            {
                case "CartPole-v1":
                    var cart = new CartPole(new CartPoleOptions
                    {
                        SuttonBartoReward = options.TryGetProperty("sutton_barto_reward", out var sb) && sb.GetBoolean(),
                        Integrator = attributes.TryGetProperty("kinematics_integrator", out _) ? CartPoleIntegrator.SemiImplicitEuler
                            : CartPoleIntegrator.Euler,
                    });
                    return Discrete(cart, 500, x => cart.State = new CartPoleState(x[0], x[1], x[2], x[3]),
                        () => [cart.State.Position, cart.State.Velocity, cart.State.Angle, cart.State.AngularVelocity]);
                case "MountainCar-v0":
                    var car = new MountainCar(Option(options, "goal_velocity"));
                    return Discrete(car, 200, x => car.State = (x[0], x[1]), () => [car.State.Position, car.State.Velocity]);
                case "MountainCarContinuous-v0":
                    var continuous = new MountainCarContinuous(Option(options, "goal_velocity"));
                    return Continuous(continuous, 999, x => continuous.State = (x[0], x[1]),
                        () => [continuous.State.Position, continuous.State.Velocity]);
                case "Acrobot-v1":
                    var acrobot = new Acrobot(
                        new AcrobotOptions
                        {
                            PaperEquations = options.TryGetProperty("book_or_nips", out _)
                            || attributes.TryGetProperty("book_or_nips", out _)
                        });
                    return Discrete(acrobot, 500, x => acrobot.State = (x[0], x[1], x[2], x[3]),
                        () => [acrobot.State.Angle1, acrobot.State.Angle2, acrobot.State.Velocity1, acrobot.State.Velocity2]);
                default:
                    var pendulum = new Pendulum(
                        new PendulumOptions { Gravity = options.TryGetProperty("g", out var g) ? g.GetDouble() : 10.0 });
                    return Continuous(pendulum, 200, x => pendulum.State = (x[0], x[1]),
                        () => [pendulum.State.Angle, pendulum.State.Velocity]);
            }
        }

        private static double Option(JsonElement options, string name) =>
            options.TryGetProperty(name, out var value) ? value.GetDouble() : 0;

        private static Driver Discrete(IEnvironment<float, int> environment, int limit, Action<double[]> set, Func<double[]> get)
        {
            var limited = new TimeLimit<float, int>(environment, limit);
            return new Driver((a, o) => limited.Step((int)a, o), set, get, environment.ObservationSpace.Size);
        }

        private static Driver Continuous(IEnvironment<float, float> environment, int limit, Action<double[]> set, Func<double[]> get)
        {
            var limited = new TimeLimit<float, float>(environment, limit);
            return new Driver((a, o) => limited.Step((float)a, o), set, get, environment.ObservationSpace.Size);
        }
    }
}
