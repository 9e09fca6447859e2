using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>An environment that waits on another process.</summary>
internal interface IServedEnvironment : IEnvironment, IDisposable;

/// <summary>Makes the environment whose elements a server speaks of.</summary>
internal static class ServedEnvironments
{
    public static IEnvironment Make(ServerLink link, ServerGreeting greeting, TimeSpan limit) => greeting.Observations switch
    {
        Space<float> space => ForActions(space, link, greeting, limit),
        Space<int> space => ForActions(space, link, greeting, limit),
        Space<sbyte> space => ForActions(space, link, greeting, limit),
        var other => throw new ArgumentException($"Observations of {other} are not known."),
    };

    private static IEnvironment ForActions<TObservation>(Space<TObservation> observations, ServerLink link, ServerGreeting greeting,
        TimeSpan limit)
        where TObservation : unmanaged
        => greeting.Actions switch
        {
            Space<float> space => Join(observations, space, link, greeting, limit),
            Space<int> space => Join(observations, space, link, greeting, limit),
            Space<sbyte> space => Join(observations, space, link, greeting, limit),
            var other => throw new ArgumentException($"Actions of {other} are not known."),
        };

    private static ServedEnvironment<TObservation, TAction> Join<TObservation, TAction>(Space<TObservation> observations,
        Space<TAction> actions, ServerLink link, ServerGreeting greeting, TimeSpan limit)
        where TObservation : unmanaged
        where TAction : unmanaged
        => greeting.Renders ? new DrawnServedEnvironment<TObservation, TAction>(observations, actions, link, greeting, limit)
            : new ServedEnvironment<TObservation, TAction>(observations, actions, link, greeting, limit);
}

/// <summary>
/// A world in another process. Every reset sends a seed: the one that is given, else one drawn from the environment's own stream. So an
/// episode follows from its seed alone, and a training that is resumed in a new process goes on exactly, but for the episode under way
/// where the server cannot save it.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
internal class ServedEnvironment<TObservation, TAction> : IEnvironment<TObservation, TAction>, IServedEnvironment, IActionMask
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly ServerLink _link;
    private readonly ServerGreeting _greeting;
    private readonly TimeSpan _limit;
    private readonly ArrayBufferWriter<byte> _question = new();
    private readonly Utf8JsonWriter _json;
    private readonly bool[] _mask;
    private RandomStream _random = RandomStream.FromSystem();
    private bool _isRunning;

    public ServedEnvironment(Space<TObservation> observations, Space<TAction> actions, ServerLink link, ServerGreeting greeting,
        TimeSpan limit)
    {
        (ObservationSpace, ActionSpace, _link, _greeting, _limit) = (observations, actions, link, greeting, limit);
        _json = new Utf8JsonWriter(_question);
        _mask = greeting.HasMasks ? new bool[ActionMasks.SizeOf(actions)] : [];
    }

    // Whoever forgets to dispose it does not keep a server for ever.
    ~ServedEnvironment() => _link.Abandon();

    public string Name => _greeting.Name;

    public IEnvironment Unwrapped => this;

    public RandomStream Random => _random;

    public double? RewardThreshold => _greeting.RewardThreshold;

    public int? MaxEpisodeSteps => _greeting.MaxEpisodeSteps;

    public ReturnRange ReturnRange => _greeting.ReturnRange;

    public bool SavesState => _greeting.Saves;

    public Space<TObservation> ObservationSpace { get; }

    public Space<TAction> ActionSpace { get; }

    public bool HasActionMask => _mask.Length > 0;

    public int FramesPerSecond => _greeting.FramesPerSecond;

    public void WriteActionMask(Span<bool> mask)
    {
        if (_mask.Length > 0) _mask.CopyTo(mask);
        else mask.Fill(true);
    }

    public void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        if (seed is { } given) _random = new RandomStream(given);
        // Below 2^53, which every language's numbers hold.
        var sent = seed ?? _random.NextUInt64() >> 11;
        _isRunning = false;
        Begin("reset");
        _json.WriteNumber("seed"u8, sent);
        Read(Ask("reset"), "reset", isStep: false, observation);
        _isRunning = true;
    }

    public StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (!_isRunning)
            throw new InvalidOperationException(
                $"{Name}: no episode is running. It has ended or was never started: call Reset before Step.");
        if (!ActionSpace.Contains(action) || (_mask.Length > 0 && !ActionMasks.Allows(ActionSpace, _mask, action)))
            throw new ArgumentException(ActionMasks.Refusal(this, ActionSpace, action), nameof(action));
        Begin("step");
        _json.WritePropertyName("action"u8);
        Write(action);
        var outcome = Read(Ask("step"), "step", isStep: true, observation);
        _isRunning = !outcome.Ended;
        return outcome;
    }

    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(_isRunning);
        writer.WriteStream(Random);
        if (!SavesState || !_isRunning) return;
        Begin("save");
        writer.Write(Value("save", "state", state => state.GetRawText()));
        foreach (var allowed in _mask) writer.Write(allowed);
    }

    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var wasRunning = reader.ReadBoolean();
        _random = reader.ReadStream();
        _isRunning = false;
        if (!SavesState || !wasRunning) return;
        var state = reader.ReadString();
        foreach (ref var allowed in _mask.AsSpan()) allowed = reader.ReadBoolean();
        Begin("load");
        _json.WritePropertyName("state"u8);
        _json.WriteRawValue(state);
        Value("load", null, _ => true);
        _isRunning = true;
    }

    public void Dispose()
    {
        _link.Dispose();
        _json.Dispose();
        GC.SuppressFinalize(this);
    }

    protected RgbImage Draw()
    {
        Begin("render");
        return Value("render", null, picture =>
        {
            var (width, height) = (ServedSpaces.Whole(picture.GetProperty("width").GetDouble(), "width", 1),
                ServedSpaces.Whole(picture.GetProperty("height").GetDouble(), "height", 1));
            var pixels = picture.GetProperty("rgb").GetBytesFromBase64();
            if (pixels.Length != 3L * width * height)
                throw new FormatException($"'rgb' has {pixels.Length} bytes; a picture of {width} by {height} has {3L * width * height}");
            var image = new RgbImage(width, height);
            pixels.CopyTo(image.Pixels, 0);
            return image;
        });
    }

    private void Begin(string what)
    {
        _question.ResetWrittenCount();
        _json.Reset(_question);
        _json.WriteStartObject();
        _json.WriteString("do"u8, what);
    }

    private ReadOnlySpan<byte> Ask(string what)
    {
        _json.WriteEndObject();
        _json.Flush();
        _question.Write("\n"u8);
        return _link.Ask(_question.WrittenMemory, _limit, $"its answer to {what}");
    }

    private StepOutcome Read(ReadOnlySpan<byte> line, string what, bool isStep, Span<TObservation> observation)
    {
        try
        {
            var outcome = ServedAnswer<TObservation>.Read(line, isStep, observation, _mask);
            // Numbers of a box may leave it by a rounding; a choice that does not exist would break every table.
            if (ObservationSpace is not Box && !ObservationSpace.Contains(observation))
                throw new FormatException(
                    $"'observation' is [{string.Join(", ", observation.ToArray())}], which lies outside {ObservationSpace}");
            return outcome;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw Wrong(line, what, e);
        }
    }

    private T Value<T>(string what, string? key, Func<JsonElement, T> read)
    {
        var line = Ask(what);
        try
        {
            using var document = JsonDocument.Parse(line.ToArray());
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) throw new FormatException("an object is expected");
            if (root.TryGetProperty("error", out var error)) throw new FormatException($"it reports: {error}");
            return key is null ? read(root)
                : read(root.TryGetProperty(key, out var value) ? value : throw new FormatException($"'{key}' is missing"));
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException
            or ArgumentException)
        {
            throw Wrong(line, what, e);
        }
    }

    private EnvironmentServerException Wrong(ReadOnlySpan<byte> line, string what, Exception e)
        => _link.Break(
            $"The server {_link.Name}: its answer to {what} is not right: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}. It wrote: "
                + $"{ServerGreeting.Excerpt(line)}", e);

    private void Write(ReadOnlySpan<TAction> action)
    {
        if (ActionSpace is Discrete)
        {
            _json.WriteNumberValue(MemoryMarshal.Cast<TAction, int>(action)[0]);
            return;
        }
        _json.WriteStartArray();
        foreach (var value in action)
        {
            if (typeof(TAction) == typeof(float)) _json.WriteNumberValue((float)(object)value);
            else _json.WriteNumberValue(Convert.ToInt32((object)value, CultureInfo.InvariantCulture));
        }
        _json.WriteEndArray();
    }
}

/// <summary>A world in another process that draws pictures.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
internal sealed class DrawnServedEnvironment<TObservation, TAction>(Space<TObservation> observations, Space<TAction> actions,
    ServerLink link, ServerGreeting greeting, TimeSpan limit)
    : ServedEnvironment<TObservation, TAction>(observations, actions, link, greeting, limit), IRenderable
    where TObservation : unmanaged
    where TAction : unmanaged
{
    public RgbImage Render() => Draw();
}
