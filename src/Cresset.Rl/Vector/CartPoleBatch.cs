using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Rl;

/// <summary>
/// Cart-poles in float32, sixteen at a time, for rollouts at the speed of memory. The dynamics are those of <see cref="CartPole"/> to float
/// rounding; ended copies are reset within the step (<see cref="AutoresetMode.SameStep"/>) from a counter-based stream a copy, so results
/// do not depend on how many copies there are. Rewards are 1 a step.
/// </summary>
public sealed class CartPoleBatch : VectorEnvironment<float, int>
{
    private const int Lanes = 16;

    private readonly float[] _x;
    private readonly float[] _v;
    private readonly float[] _angle;
    private readonly float[] _w;
    private readonly int[] _steps;
    private readonly uint[] _episodes;
    private readonly int _padded;
    private readonly int _maxSteps;
    private readonly int[] _actions;
    private readonly bool _writeRows;
    private uint _seed;

    /// <summary><paramref name="count"/> cart-poles that are cut after <paramref name="maxSteps"/> steps.</summary>
    /// <param name="count">Number of copies.</param>
    /// <param name="maxSteps">Longest episode.</param>
    /// <param name="writeRows">
    /// Write <c>Observations</c> and <c>FinalObservations</c> (rows of four values). Turn off to read the columns <see cref="Positions"/>
    /// and so on instead, which is faster; <c>FinalObservations</c> are then not kept.
    /// </param>
    public CartPoleBatch(int count, int maxSteps = 500, bool writeRows = true)
        : base(count, new CartPole().ObservationSpace, new Discrete(2), AutoresetMode.SameStep)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSteps);
        _maxSteps = maxSteps;
        _writeRows = writeRows;
        _padded = (count + Lanes - 1) / Lanes * Lanes;
        (_x, _v, _angle, _w) = (new float[_padded], new float[_padded], new float[_padded], new float[_padded]);
        _steps = new int[_padded];
        _episodes = new uint[_padded];
        _actions = new int[_padded];
        Array.Fill(RewardArray, 1);
        Reset(0);
    }

    /// <summary>Positions of the carts, one per copy.</summary>
    public ReadOnlySpan<float> Positions => _x.AsSpan(0, Count);

    /// <summary>Speeds of the carts.</summary>
    public ReadOnlySpan<float> Velocities => _v.AsSpan(0, Count);

    /// <summary>Angles of the poles.</summary>
    public ReadOnlySpan<float> Angles => _angle.AsSpan(0, Count);

    /// <summary>Angular velocities of the poles.</summary>
    public ReadOnlySpan<float> AngularVelocities => _w.AsSpan(0, Count);

    /// <summary>Starts an episode in every copy; without a seed with the seed of before and new numbers.</summary>
    public override void Reset(ulong? seed = null)
    {
        if (seed is { } value)
        {
            _seed = (uint)(value ^ (value >> 32));
            Array.Clear(_episodes);
        }
        for (var i = 0; i < _padded; i++) Restart(i);
        Array.Clear(TerminatedArray);
        Array.Clear(TruncatedArray);
        if (_writeRows) WriteRows(ObservationArray);
    }

    /// <summary>Puts a copy into a state.</summary>
    public void SetState(int copy, float position, float velocity, float angle, float angularVelocity)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)copy, (uint)Count, nameof(copy));
        (_x[copy], _v[copy], _angle[copy], _w[copy], _steps[copy]) = (position, velocity, angle, angularVelocity, 0);
        if (_writeRows) WriteRows(ObservationArray);
    }

    /// <inheritdoc/>
    public override void Step(ReadOnlySpan<int> actions)
    {
        if (actions.Length != Count)
            throw new ArgumentException($"{actions.Length} actions were given for {Count} copies.", nameof(actions));
        if (actions.ContainsAnyExceptInRange(0, 1))
            throw new ArgumentException($"CartPole: an action lies outside {SingleActionSpace}.", nameof(actions));
        if (_padded != Count)
        {
            actions.CopyTo(_actions);
            actions = _actions;
        }
        for (var i = 0; i < _padded; i += Lanes) StepLanes(i, ref MemoryMarshal.GetReference(actions[i..]));
        if (_writeRows) WriteRows(ObservationArray);
    }

    /// <inheritdoc/>
    public override void Save(BinaryWriter writer)
    {
        writer.Write(_seed);
        foreach (var column in (float[][])[_x, _v, _angle, _w]) writer.Write(MemoryMarshal.AsBytes<float>(column));
        writer.Write(MemoryMarshal.AsBytes<int>(_steps));
        writer.Write(MemoryMarshal.AsBytes<uint>(_episodes));
    }

    /// <inheritdoc/>
    public override void Load(BinaryReader reader)
    {
        _seed = reader.ReadUInt32();
        foreach (var column in (float[][])[_x, _v, _angle, _w]) reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(column.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_steps.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_episodes.AsSpan()));
        if (_writeRows) WriteRows(ObservationArray);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StepLanes(int i, ref int actions)
    {
        const float Step = (float)CartPoleDynamics.TimeStep;
        ref var px = ref _x[i];
        ref var pv = ref _v[i];
        ref var pa = ref _angle[i];
        ref var pw = ref _w[i];
        var x = Vector512.LoadUnsafe(ref px);
        var v = Vector512.LoadUnsafe(ref pv);
        var angle = Vector512.LoadUnsafe(ref pa);
        var w = Vector512.LoadUnsafe(ref pw);
        var push = Vector512.Equals(Vector512.LoadUnsafe(ref actions), Vector512<int>.One).AsSingle();
        var force = Vector512.ConditionalSelect(push, Vector512.Create(10f / 1.1f), Vector512.Create(-10f / 1.1f));
        var (sin, cos) = SinCos(angle);
        // The masses are divided out beforehand: 0.05 / 1.1 and so on.
        const float PoleShare = (float)(CartPoleDynamics.PoleMassLength / CartPoleDynamics.TotalMass);
        var temp = Vector512.FusedMultiplyAdd(w * w * PoleShare, sin, force);
        var denominator = Vector512.FusedMultiplyAdd(cos * cos,
            Vector512.Create((float)(-CartPoleDynamics.HalfLength * CartPoleDynamics.PoleMass / CartPoleDynamics.TotalMass)),
            Vector512.Create(0.5f * 4f / 3f));
        var angular = ((sin * 9.8f) - (cos * temp)) / denominator;
        var acceleration = Vector512.FusedMultiplyAdd(angular * cos, Vector512.Create(-PoleShare), temp);
        x = Vector512.FusedMultiplyAdd(v, Vector512.Create(Step), x);
        v = Vector512.FusedMultiplyAdd(acceleration, Vector512.Create(Step), v);
        angle = Vector512.FusedMultiplyAdd(w, Vector512.Create(Step), angle);
        w = Vector512.FusedMultiplyAdd(angular, Vector512.Create(Step), w);
        x.StoreUnsafe(ref px);
        v.StoreUnsafe(ref pv);
        angle.StoreUnsafe(ref pa);
        w.StoreUnsafe(ref pw);
        ref var ps = ref _steps[i];
        var steps = Vector512.LoadUnsafe(ref ps) + Vector512<int>.One;
        steps.StoreUnsafe(ref ps);
        var inside = Vector512.LessThanOrEqual(Vector512.Abs(x), Vector512.Create((float)CartPoleDynamics.PositionLimit))
            & Vector512.LessThanOrEqual(Vector512.Abs(angle), Vector512.Create((float)CartPoleDynamics.AngleLimit));
        var terminated = ~(uint)inside.ExtractMostSignificantBits() & 0xffff;
        var truncated = (uint)Vector512.GreaterThanOrEqual(steps, Vector512.Create(_maxSteps)).ExtractMostSignificantBits() & 0xffff;
        WriteFlags(TerminatedArray, i, terminated);
        WriteFlags(TruncatedArray, i, truncated);
        for (var ended = terminated | truncated; ended != 0; ended &= ended - 1) Finish(i + BitOperations.TrailingZeroCount(ended));
    }

    private void Finish(int copy)
    {
        if (_writeRows && copy < Count)
        {
            var row = FinalArray.AsSpan(copy * 4, 4);
            (row[0], row[1], row[2], row[3]) = (_x[copy], _v[copy], _angle[copy], _w[copy]);
        }
        Restart(copy);
    }

    // Four numbers from one hash of seed, copy and episode (two rounds of the SplitMix finisher).
    private void Restart(int copy)
    {
        var z = (((ulong)_seed << 32) | (uint)copy) + (++_episodes[copy] * 0x9e3779b97f4a7c15UL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        z ^= z >> 31;
        const float Unit = 0.1f / 65536f;
        _x[copy] = ((ushort)z * Unit) - 0.05f;
        _v[copy] = ((ushort)(z >> 16) * Unit) - 0.05f;
        _angle[copy] = ((ushort)(z >> 32) * Unit) - 0.05f;
        _w[copy] = ((ushort)(z >> 48) * Unit) - 0.05f;
        _steps[copy] = 0;
    }

    // Taylor polynomials: before a step no angle of a running pole exceeds 0.21, where they are exact to the last float bit.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Sin, Vector512<float> Cos) SinCos(Vector512<float> a)
    {
        var square = a * a;
        var sin = Vector512.FusedMultiplyAdd(square, Vector512.Create(-1f / 5040f), Vector512.Create(1f / 120f));
        sin = Vector512.FusedMultiplyAdd(sin, square, Vector512.Create(-1f / 6f));
        sin = Vector512.FusedMultiplyAdd(sin * square, a, a);
        var cos = Vector512.FusedMultiplyAdd(square, Vector512.Create(1f / 40320f), Vector512.Create(-1f / 720f));
        cos = Vector512.FusedMultiplyAdd(cos, square, Vector512.Create(1f / 24f));
        cos = Vector512.FusedMultiplyAdd(cos, square, Vector512.Create(-0.5f));
        cos = Vector512.FusedMultiplyAdd(cos, square, Vector512<float>.One);
        return (sin, cos);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteFlags(bool[] flags, int start, uint bits)
    {
        if (start + Lanes <= flags.Length)
        {
            var select = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
            var spread = Vector128.Create(Vector64.Create((byte)bits), Vector64.Create((byte)(bits >> 8)));
            var ones = Vector128.Equals(spread & select, select) & Vector128<byte>.One;
            ones.StoreUnsafe(ref Unsafe.As<bool, byte>(ref flags[start]));
            return;
        }
        for (var k = start; k < flags.Length; k++) flags[k] = ((bits >> (k - start)) & 1) != 0;
    }

    private void WriteRows(float[] rows)
    {
        var i = 0;
        if (Sse.IsSupported)
        {
            ref var row = ref MemoryMarshal.GetArrayDataReference(rows);
            for (; i + 4 <= Count; i += 4)
            {
                var (x, v, a, w) = (Vector128.LoadUnsafe(ref _x[i]), Vector128.LoadUnsafe(ref _v[i]), Vector128.LoadUnsafe(ref _angle[i]),
                    Vector128.LoadUnsafe(ref _w[i]));
                // A 4 by 4 transpose: pairs first, then halves.
                var (xv0, xv1, aw0, aw1) = (Sse.UnpackLow(x, v), Sse.UnpackHigh(x, v), Sse.UnpackLow(a, w), Sse.UnpackHigh(a, w));
                Sse.MoveLowToHigh(xv0, aw0).StoreUnsafe(ref row, (nuint)i * 4);
                Sse.MoveHighToLow(aw0, xv0).StoreUnsafe(ref row, ((nuint)i * 4) + 4);
                Sse.MoveLowToHigh(xv1, aw1).StoreUnsafe(ref row, ((nuint)i * 4) + 8);
                Sse.MoveHighToLow(aw1, xv1).StoreUnsafe(ref row, ((nuint)i * 4) + 12);
            }
        }
        for (; i < Count; i++) (rows[i * 4], rows[(i * 4) + 1], rows[(i * 4) + 2], rows[(i * 4) + 3]) = (_x[i], _v[i], _angle[i], _w[i]);
    }
}
