using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Many cart-poles driven by one random stream, as Gymnasium's own <c>CartPoleVectorEnv</c>: double precision, next-step resets, start
/// states drawn as a block of all positions, all velocities and so on. Its seeds therefore give other episodes than
/// <see cref="SyncVectorEnvironment{TObservation,TAction}"/>.
/// </summary>
public sealed class CartPoleVectorEnvironment : VectorEnvironment<float, int>
{
    private readonly CartPoleState[] _states;
    private readonly int[] _steps;
    private readonly bool[] _ended;
    private readonly int _maxSteps;
    private readonly bool _suttonBarto;
    private readonly bool _semiImplicit;
    private readonly ResetBounds _start;
    private RandomStream _random = RandomStream.FromSystem();
    private bool _isRunning;

    /// <summary><paramref name="count"/> cart-poles that are cut after <paramref name="maxSteps"/> steps.</summary>
    public CartPoleVectorEnvironment(int count, int maxSteps = 500, CartPoleOptions? options = null)
        : base(count, new CartPole().ObservationSpace, new Discrete(2), AutoresetMode.NextStep)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSteps);
        options = (options ?? new()).ThrowIfInvalid();
        _maxSteps = maxSteps;
        _suttonBarto = options.SuttonBartoReward;
        _semiImplicit = options.Integrator == CartPoleIntegrator.SemiImplicitEuler;
        _start = options.Start.Checked();
        _states = new CartPoleState[count];
        _steps = new int[count];
        _ended = new bool[count];
    }

    /// <inheritdoc/>
    public override void Reset(ulong? seed = null)
    {
        if (seed is { } value) _random = new RandomStream(value);
        Array.Fill(_ended, true);
        Draw();
        Array.Clear(_ended);
        Array.Clear(_steps);
        Array.Clear(IsResetArray);
        _isRunning = true;
        for (var i = 0; i < Count; i++) Observe(i);
    }

    /// <inheritdoc/>
    public override void Step(ReadOnlySpan<int> actions)
    {
        if (!_isRunning) throw new InvalidOperationException("CartPole: call Reset before Step.");
        if (actions.Length != Count) throw new ArgumentException($"{actions.Length} actions were given for {Count} copies.", nameof(actions));
        if (actions.ContainsAnyExceptInRange(0, 1)) throw new ArgumentException($"CartPole: an action lies outside {SingleActionSpace}.", nameof(actions));
        for (var i = 0; i < Count; i++)
        {
            TerminatedArray[i] = CartPoleDynamics.Step(ref _states[i], actions[i] == 1, _semiImplicit);
            TruncatedArray[i] = ++_steps[i] >= _maxSteps;
            RewardArray[i] = _suttonBarto ? TerminatedArray[i] ? -1 : 0 : 1;
        }
        Draw();
        for (var i = 0; i < Count; i++)
        {
            IsResetArray[i] = _ended[i];
            if (_ended[i])
            {
                _steps[i] = 0;
                RewardArray[i] = 0;
                TerminatedArray[i] = TruncatedArray[i] = false;
            }
            _ended[i] = TerminatedArray[i] | TruncatedArray[i];
            Observe(i);
        }
    }

    /// <inheritdoc/>
    public override void Save(BinaryWriter writer)
    {
        writer.Write(_isRunning);
        writer.WriteStream(_random);
        for (var i = 0; i < Count; i++)
        {
            writer.Write(_states[i].Position);
            writer.Write(_states[i].Velocity);
            writer.Write(_states[i].Angle);
            writer.Write(_states[i].AngularVelocity);
            writer.Write(_steps[i]);
            writer.Write(_ended[i]);
        }
    }

    /// <inheritdoc/>
    public override void Load(BinaryReader reader)
    {
        _isRunning = reader.ReadBoolean();
        _random = reader.ReadStream();
        for (var i = 0; i < Count; i++)
        {
            _states[i] = new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
            _steps[i] = reader.ReadInt32();
            _ended[i] = reader.ReadBoolean();
            Observe(i);
        }
    }

    private void Draw()
    {
        for (var i = 0; i < Count; i++) if (_ended[i]) _states[i].Position = _random.Uniform(_start.Low, _start.High);
        for (var i = 0; i < Count; i++) if (_ended[i]) _states[i].Velocity = _random.Uniform(_start.Low, _start.High);
        for (var i = 0; i < Count; i++) if (_ended[i]) _states[i].Angle = _random.Uniform(_start.Low, _start.High);
        for (var i = 0; i < Count; i++) if (_ended[i]) _states[i].AngularVelocity = _random.Uniform(_start.Low, _start.High);
    }

    private void Observe(int i)
    {
        var row = ObservationArray.AsSpan(i * 4, 4);
        (row[0], row[1], row[2], row[3]) = ((float)_states[i].Position, (float)_states[i].Velocity, (float)_states[i].Angle, (float)_states[i].AngularVelocity);
    }
}
