using System.Runtime.InteropServices;

namespace Cresset.Rl.Deep;

/// <summary>
/// The observations of a replay buffer. Each is kept once: what follows a step is the observation of the next one, unless the episode ended
/// there; and of stacked frames only the newest is kept. Values are float32, or bytes where observations are pictures of 0 to 255.
/// </summary>
internal sealed class ObservationStore : IDisposable
{
    private const byte PadsWithZeros = 0x80;
    private readonly Dictionary<int, byte[]> _own = [];
    private readonly int _copies;
    private readonly int _turns;
    private readonly int _slots;
    private readonly int _size;
    private readonly int _frames;
    private readonly bool _isBytes;
    private readonly float[] _before;
    private readonly byte[][] _newest;
    private readonly ReplayMemory _memory;

    public ObservationStore(int turns, int copies, int size, int frames, bool isBytes, string? path)
    {
        (_turns, _copies, _size, _frames, _isBytes) = (turns, copies, size, frames, isBytes);
        // The oldest observation still needs the frames before it.
        _slots = turns + frames - 1;
        var width = size / frames * (isBytes ? 1 : sizeof(float));
        _memory = new ReplayMemory([(long)_slots * copies, (long)_slots * copies], [width, 1], path);
        _before = new float[size];
        _newest = [.. Enumerable.Range(0, copies).Select(_ => new byte[Bytes])];
    }

    public ReplayMemory Memory => _memory;

    /// <summary>Observations that follow an end, by row: the only ones that are kept beside the ring.</summary>
    public Dictionary<int, byte[]> Own => _own;

    /// <summary>What followed the newest step of each copy.</summary>
    public byte[][] Newest => _newest;

    /// <summary>Bytes of a whole observation.</summary>
    public int Bytes => _size * (_isBytes ? 1 : sizeof(float));

    /// <summary>
    /// Keeps the observations of a step; <paramref name="continues"/> says whether the step before it belongs to the same episode.
    /// </summary>
    public void Put(long turn, int copy, ReadOnlySpan<float> observation, ReadOnlySpan<float> next, bool continues, bool ended)
    {
        var row = Row(turn, copy);
        _own.Remove(row);
        var stored = new byte[Bytes];
        Encode(observation, stored);
        if (turn > 0 && continues && !stored.AsSpan().SequenceEqual(_newest[copy]))
            _own[Row(turn - 1, copy)] = _newest[copy].AsSpan().ToArray();
        Frame(turn, copy, observation, stored, continues && turn > 0);
        Encode(next, _newest[copy]);
        if (ended) _own[row] = _newest[copy].AsSpan().ToArray();
    }

    /// <summary>The observation in which a step was taken.</summary>
    public void Here(long turn, int copy, Span<float> destination)
    {
        if (_frames == 1)
        {
            Decode(_memory.Row(0, Slot(turn, copy)), destination);
            return;
        }
        var part = _size / _frames;
        var mark = _memory.Row(1, Slot(turn, copy))[0];
        var age = mark & ~PadsWithZeros;
        for (var frame = 0; frame < _frames; frame++)
        {
            var back = _frames - 1 - frame;
            var target = destination.Slice(frame * part, part);
            if (back > age && (mark & PadsWithZeros) != 0) target.Clear();
            else Decode(_memory.Row(0, Slot(turn - Math.Min(back, age), copy)), target);
        }
    }

    /// <summary>What followed a step.</summary>
    public void Next(long turn, int copy, long newest, Span<float> destination)
    {
        if (_own.TryGetValue(Row(turn, copy), out var own)) Decode(own, destination);
        else if (turn == newest) Decode(_newest[copy], destination);
        else Here(turn + 1, copy, destination);
    }

    public void Dispose() => _memory.Dispose();

    // Where frames are stacked, everything but the newest has to be there already: the stack before, moved on, or the padding of a first
    // observation.
    private void Frame(long turn, int copy, ReadOnlySpan<float> observation, byte[] stored, bool continues)
    {
        var slot = Slot(turn, copy);
        if (_frames == 1)
        {
            stored.CopyTo(_memory.Row(0, slot));
            return;
        }
        var part = _size / _frames;
        byte mark;
        if (continues && Continues(turn, copy, observation, part))
            mark = (byte)Math.Min((_memory.Row(1, Slot(turn - 1, copy))[0] & ~PadsWithZeros) + 1, _frames - 1);
        else if (IsPadded(observation, part, out var zeros)) mark = zeros ? PadsWithZeros : (byte)0;
        else throw new ArgumentException(
            $"The observation is not a stack of {_frames} frames that goes on from the one before, nor a first one filled up with its own "
                + $"frame or zeros. Set replay.frames=1.", nameof(observation));
        if (mark is not 0 and not PadsWithZeros) mark |= (byte)(_memory.Row(1, Slot(turn - 1, copy))[0] & PadsWithZeros);
        stored.AsSpan(stored.Length / _frames * (_frames - 1)).CopyTo(_memory.Row(0, slot));
        _memory.Row(1, slot)[0] = mark;
    }

    private bool Continues(long turn, int copy, ReadOnlySpan<float> observation, int part)
    {
        Here(turn - 1, copy, _before);
        return observation[..^part].SequenceEqual(_before.AsSpan(part));
    }

    private bool IsPadded(ReadOnlySpan<float> observation, int part, out bool zeros)
    {
        var newest = observation[^part..];
        zeros = !observation[..^part].ContainsAnyExcept(0f);
        for (var frame = 0; frame < _frames - 1 && !zeros; frame++)
        {
            if (!observation.Slice(frame * part, part).SequenceEqual(newest)) return false;
        }
        return true;
    }

    private int Row(long turn, int copy) => ((int)(turn % _turns) * _copies) + copy;

    private long Slot(long turn, int copy) => (turn % _slots * _copies) + copy;

    private void Encode(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        if (!_isBytes)
        {
            MemoryMarshal.AsBytes(values).CopyTo(bytes);
            return;
        }
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            if (!(value >= 0 && value <= 255 && value == MathF.Floor(value)))
                throw new ArgumentException(
                    $"Value {i} of an observation is {value}; a buffer of bytes keeps whole numbers from 0 to 255. Set "
                        + $"replay.storage=float32.", nameof(values));
            bytes[i] = (byte)value;
        }
    }

    private void Decode(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        if (!_isBytes)
        {
            MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
            return;
        }
        for (var i = 0; i < bytes.Length; i++) values[i] = bytes[i];
    }
}
