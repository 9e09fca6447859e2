using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Many cart-poles driven by one random stream, as Gymnasium's own <c>CartPoleVectorEnv</c>: double precision, next-step resets, start
/// states drawn as a block of all positions, all velocities and so on. Its seeds therefore give other episodes than
/// <see cref="SyncVectorEnvironment{TObservation,TAction}"/>. Eight copies are stepped at a time, with the same bits as
/// <see cref="CartPole"/>.
/// </summary>
public sealed class CartPoleVectorEnvironment : VectorEnvironment<float, int>
{
    private const int Lanes = LibraryBits.Lanes;

    private readonly double[] _x;
    private readonly double[] _v;
    private readonly double[] _angle;
    private readonly double[] _w;
    private readonly int[] _steps;
    private readonly bool[] _ended;
    private readonly int[] _toReset;
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
        (_x, _v, _angle, _w) = (new double[count], new double[count], new double[count], new double[count]);
        _steps = new int[count];
        _ended = new bool[count];
        _toReset = new int[count];
    }

    /// <inheritdoc/>
    public override void Reset(ulong? seed = null)
    {
        if (seed is { } value) _random = new RandomStream(value);
        for (var i = 0; i < Count; i++) _toReset[i] = i;
        Draw(_toReset);
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
        if (actions.Length != Count)
            throw new ArgumentException($"{actions.Length} actions were given for {Count} copies.", nameof(actions));
        if (actions.ContainsAnyExceptInRange(0, 1))
            throw new ArgumentException($"CartPole: an action lies outside {SingleActionSpace}.", nameof(actions));
        var at = 0;
        var resets = 0;
        if (LibraryBits.HasLanes)
        {
            for (; at <= Count - Lanes; at += Lanes) StepBlock(at, actions, ref resets);
        }
        for (; at < Count; at++) StepOne(at, actions[at], ref resets);
        if (resets == 0) return;
        var toReset = _toReset.AsSpan(0, resets);
        Draw(toReset);
        foreach (var i in toReset) Observe(i);
    }

    /// <inheritdoc/>
    public override void Save(BinaryWriter writer)
    {
        writer.Write(_isRunning);
        writer.WriteStream(_random);
        for (var i = 0; i < Count; i++)
        {
            writer.Write(_x[i]);
            writer.Write(_v[i]);
            writer.Write(_angle[i]);
            writer.Write(_w[i]);
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
            (_x[i], _v[i], _angle[i], _w[i]) = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
            _steps[i] = reader.ReadInt32();
            _ended[i] = reader.ReadBoolean();
            Observe(i);
        }
    }

    private void StepOne(int i, int action, ref int resets)
    {
        var state = new CartPoleState(_x[i], _v[i], _angle[i], _w[i]);
        var terminated = CartPoleDynamics.Step(ref state, action == 1, _semiImplicit);
        (_x[i], _v[i], _angle[i], _w[i]) = state;
        var truncated = ++_steps[i] >= _maxSteps;
        var isReset = IsResetArray[i] = _ended[i];
        if (isReset)
        {
            _toReset[resets++] = i;
            _steps[i] = 0;
        }
        TerminatedArray[i] = terminated & !isReset;
        TruncatedArray[i] = truncated & !isReset;
        RewardArray[i] = isReset ? 0 : _suttonBarto ? terminated ? -1 : 0 : 1;
        _ended[i] = TerminatedArray[i] | TruncatedArray[i];
        Observe(i);
    }

    // CartPoleDynamics.Step over eight copies, operation for operation.
    private void StepBlock(int at, ReadOnlySpan<int> actions, ref int resets)
    {
        var (x, v, angle, w) = (Vector512.LoadUnsafe(ref _x[at]), Vector512.LoadUnsafe(ref _v[at]), Vector512.LoadUnsafe(ref _angle[at]),
            Vector512.LoadUnsafe(ref _w[at]));
        var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(in actions[at]));
        var right = Vector512.Equals(Vector512.Create(low, high), Vector512<long>.One).AsDouble();
        var force = Vector512.ConditionalSelect(right, Vector512.Create(CartPoleDynamics.ForceMagnitude),
            Vector512.Create(-CartPoleDynamics.ForceMagnitude));
        var sin = LibraryBits.Sine(angle, out var cos);
        var temp = OverTotalMass(force + (CartPoleDynamics.PoleMassLength * (w * w) * sin));
        var turn = ((CartPoleDynamics.Gravity * sin) - (cos * temp))
            / (CartPoleDynamics.HalfLength * (Vector512.Create(4.0 / 3.0) - OverTotalMass(CartPoleDynamics.PoleMass * (cos * cos))));
        var push = temp - OverTotalMass(CartPoleDynamics.PoleMassLength * turn * cos);
        if (_semiImplicit)
        {
            v += CartPoleDynamics.TimeStep * push;
            x += CartPoleDynamics.TimeStep * v;
            w += CartPoleDynamics.TimeStep * turn;
            angle += CartPoleDynamics.TimeStep * w;
        }
        else
        {
            x += CartPoleDynamics.TimeStep * v;
            v += CartPoleDynamics.TimeStep * push;
            angle += CartPoleDynamics.TimeStep * w;
            w += CartPoleDynamics.TimeStep * turn;
        }
        x.StoreUnsafe(ref _x[at]);
        v.StoreUnsafe(ref _v[at]);
        angle.StoreUnsafe(ref _angle[at]);
        w.StoreUnsafe(ref _w[at]);
        var stands = Vector512.LessThanOrEqual(Vector512.Abs(x), Vector512.Create(CartPoleDynamics.PositionLimit))
            & Vector512.LessThanOrEqual(Vector512.Abs(angle), Vector512.Create(CartPoleDynamics.AngleLimit));
        var steps = Vector256.LoadUnsafe(ref _steps[at]) + Vector256<int>.One;
        steps.StoreUnsafe(ref _steps[at]);
        var wasEnded = Load(_ended, at);
        // Flags as bytes of 0 and 1, a copy each.
        var terminated = Bytes(~Vector512.ExtractMostSignificantBits(stands) & 0xFF) & ~wasEnded;
        var truncated = Bytes(Vector256.ExtractMostSignificantBits(Vector256.GreaterThanOrEqual(steps, Vector256.Create(_maxSteps))))
            & ~wasEnded;
        Store(TerminatedArray, at, terminated);
        Store(TruncatedArray, at, truncated);
        Store(IsResetArray, at, wasEnded);
        Store(_ended, at, terminated | truncated);
        Vector512.Create(_suttonBarto ? 0.0 : 1.0).StoreUnsafe(ref RewardArray[at]);
        if ((wasEnded | (_suttonBarto ? terminated : 0)) != 0)
        {
            for (var i = at; i < at + Lanes; i++)
            {
                if (IsResetArray[i])
                {
                    _toReset[resets++] = i;
                    _steps[i] = 0;
                    RewardArray[i] = 0;
                }
                else if (_suttonBarto && TerminatedArray[i])
                {
                    RewardArray[i] = -1;
                }
            }
        }
        ObserveBlock(at, x, v, angle, w);
    }

    // a / 1.1 as division rounds it: the quotient from the reciprocal, corrected by its exact remainder (Markstein 1990).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> OverTotalMass(Vector512<double> a)
    {
        var reciprocal = Vector512.Create(1 / CartPoleDynamics.TotalMass);
        var quotient = a * reciprocal;
        var remainder = Vector512.FusedMultiplyAdd(-quotient, Vector512.Create(CartPoleDynamics.TotalMass), a);
        return Vector512.FusedMultiplyAdd(remainder, reciprocal, quotient);
    }

    private static ulong Load(bool[] flags, int at) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<bool, byte>(ref flags[at]));

    private static void Store(bool[] flags, int at, ulong bytes) => Unsafe.WriteUnaligned(ref Unsafe.As<bool, byte>(ref flags[at]), bytes);

    // Bit i becomes byte i.
    private static ulong Bytes(ulong bits)
        => ((((bits * 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201) + 0x7F7F_7F7F_7F7F_7F7F) >> 7) & 0x0101_0101_0101_0101;

    private void Draw(ReadOnlySpan<int> copies)
    {
        foreach (var i in copies) _x[i] = _random.Uniform(_start.Low, _start.High);
        foreach (var i in copies) _v[i] = _random.Uniform(_start.Low, _start.High);
        foreach (var i in copies) _angle[i] = _random.Uniform(_start.Low, _start.High);
        foreach (var i in copies) _w[i] = _random.Uniform(_start.Low, _start.High);
    }

    private void ObserveBlock(int at, Vector512<double> x, Vector512<double> v, Vector512<double> angle, Vector512<double> w)
    {
        if (!Sse.IsSupported)
        {
            for (var i = at; i < at + Lanes; i++) Observe(i);
            return;
        }
        ref var row = ref MemoryMarshal.GetArrayDataReference(ObservationArray);
        var (fx, fv, fa, fw) = (Narrow(x), Narrow(v), Narrow(angle), Narrow(w));
        WriteRows(fx.GetLower(), fv.GetLower(), fa.GetLower(), fw.GetLower(), ref Unsafe.Add(ref row, at * 4));
        WriteRows(fx.GetUpper(), fv.GetUpper(), fa.GetUpper(), fw.GetUpper(), ref Unsafe.Add(ref row, (at * 4) + 16));
    }

    private static Vector256<float> Narrow(Vector512<double> x) => Vector256.Narrow(x.GetLower(), x.GetUpper());

    // A 4 by 4 transpose: pairs first, then halves.
    private static void WriteRows(Vector128<float> x, Vector128<float> v, Vector128<float> a, Vector128<float> w, ref float row)
    {
        var (xv0, xv1, aw0, aw1) = (Sse.UnpackLow(x, v), Sse.UnpackHigh(x, v), Sse.UnpackLow(a, w), Sse.UnpackHigh(a, w));
        Sse.MoveLowToHigh(xv0, aw0).StoreUnsafe(ref row);
        Sse.MoveHighToLow(aw0, xv0).StoreUnsafe(ref row, 4);
        Sse.MoveLowToHigh(xv1, aw1).StoreUnsafe(ref row, 8);
        Sse.MoveHighToLow(aw1, xv1).StoreUnsafe(ref row, 12);
    }

    private void Observe(int i)
    {
        var row = ObservationArray.AsSpan(i * 4, 4);
        (row[0], row[1], row[2], row[3]) = ((float)_x[i], (float)_v[i], (float)_angle[i], (float)_w[i]);
    }
}
