using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Cresset.Rl;

/// <summary>Reads what a server says after a reset or a step, straight into the memory of the caller.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
internal static class ServedAnswer<TObservation>
    where TObservation : unmanaged
{
    /// <summary>Reads a line whole or not at all.</summary>
    /// <param name="line">The line.</param>
    /// <param name="isStep">Whether a reward and the two ends belong to it.</param>
    /// <param name="observation">Receives the observation.</param>
    /// <param name="mask">Receives the mask; empty where the world has none.</param>
    /// <exception cref="FormatException">The line is not what the protocol says; the message says why.</exception>
    public static StepOutcome Read(ReadOnlySpan<byte> line, bool isStep, Span<TObservation> observation, Span<bool> mask)
    {
        var reader = new Utf8JsonReader(line);
        var (hasObservation, hasMask) = (false, mask.IsEmpty);
        (double? reward, bool? terminated, bool? truncated) = (null, null, null);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new FormatException("an object is expected");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("observation"u8))
            {
                reader.Read();
                ReadObservation(ref reader, observation);
                hasObservation = true;
            }
            else if (reader.ValueTextEquals("reward"u8) && isStep)
            {
                reader.Read();
                reward = reader.TokenType == JsonTokenType.Number && reader.GetDouble() is var value && double.IsFinite(value) ? value
                    : throw new FormatException("'reward' is not a number");
            }
            else if (reader.ValueTextEquals("terminated"u8) && isStep)
            {
                terminated = Flag(ref reader, "terminated");
            }
            else if (reader.ValueTextEquals("truncated"u8) && isStep)
            {
                truncated = Flag(ref reader, "truncated");
            }
            else if (reader.ValueTextEquals("mask"u8))
            {
                reader.Read();
                if (mask.IsEmpty) throw new FormatException("there is a 'mask', but the answer to hello did not say \"masks\": true");
                ReadMask(ref reader, mask);
                hasMask = true;
            }
            else if (reader.ValueTextEquals("info"u8))
            {
                reader.Skip();
            }
            else if (reader.ValueTextEquals("error"u8))
            {
                reader.Read();
                throw new FormatException($"it reports: {(reader.TokenType == JsonTokenType.String ? reader.GetString() : "an error")}");
            }
            else
            {
                var known = isStep ? "observation, reward, terminated, truncated, mask, info" : "observation, mask, info";
                throw new FormatException($"the key '{reader.GetString()}' is unknown here; known are {known}");
            }
        }
        if (reader.Read()) throw new FormatException("something stands behind the object");
        if (!hasObservation) throw new FormatException("'observation' is missing");
        if (isStep && (reward is null || terminated is null || truncated is null))
            throw new FormatException($"'{(reward is null ? "reward" : terminated is null ? "terminated" : "truncated")}' is missing");
        // A state that ends the task may have no actions.
        if (!hasMask && terminated != true) throw new FormatException("'mask' is missing");
        return new StepOutcome(reward ?? 0, terminated ?? false, truncated ?? false);
    }

    private static bool Flag(ref Utf8JsonReader reader, string name)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            _ => throw new FormatException($"'{name}' is neither true nor false"),
        };
    }

    private static void ReadMask(ref Utf8JsonReader reader, Span<bool> mask)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw new FormatException("'mask' is not a list");
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var allowed = reader.TokenType switch
            {
                JsonTokenType.True => true,
                JsonTokenType.False => false,
                JsonTokenType.Number => reader.GetDouble() != 0,
                _ => throw new FormatException("'mask' holds something else than true and false"),
            };
            if (count < mask.Length) mask[count] = allowed;
            count++;
        }
        if (count != mask.Length) throw new FormatException($"'mask' has {count} entries; the actions have {mask.Length}");
    }

    // Lists may be nested as the shape is; numbers in base64 are bytes 0 to 255 or little-endian float32, whichever fills the space.
    private static void ReadObservation(ref Utf8JsonReader reader, Span<TObservation> observation)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            ReadPacked(reader.TryGetBytesFromBase64(out var bytes) ? bytes
                : throw new FormatException("'observation' is a text, but not base64"), observation);
            return;
        }
        var (count, depth) = (0, 0);
        do
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartArray:
                    depth++;
                    break;
                case JsonTokenType.EndArray:
                    depth--;
                    break;
                default:
                    var value = Element(ref reader, count);
                    if (count < observation.Length) observation[count] = value;
                    count++;
                    break;
            }
        }
        while (depth > 0 && reader.Read());
        if (count != observation.Length) throw new FormatException($"'observation' has {count} values; its space has {observation.Length}");
    }

    private static void ReadPacked(byte[] bytes, Span<TObservation> observation)
    {
        if (typeof(TObservation) != typeof(float)) throw new FormatException("'observation' is a text; packed numbers are for boxes");
        var values = MemoryMarshal.Cast<TObservation, float>(observation);
        if (bytes.Length == values.Length)
        {
            for (var i = 0; i < bytes.Length; i++) values[i] = bytes[i];
        }
        else if (bytes.Length == 4 * values.Length)
        {
            for (var i = 0; i < values.Length; i++)
            {
                values[i] =
                    BitConverter.Int32BitsToSingle(System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4 * i)));
                if (!float.IsFinite(values[i]))
                    throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"value {i} of 'observation' is {values[i]}"));
            }
        }
        else
        {
            throw new FormatException(
                $"'observation' is {bytes.Length} bytes; its space has {observation.Length} values, which are as many bytes or four times "
                    + $"as many");
        }
    }

    private static TObservation Element(ref Utf8JsonReader reader, int index)
    {
        var number = reader.TokenType switch
        {
            JsonTokenType.Number => typeof(TObservation) == typeof(float) ? reader.GetSingle() : reader.GetDouble(),
            JsonTokenType.True => 1.0,
            JsonTokenType.False => 0.0,
            _ => throw new FormatException($"value {index} of 'observation' is not a number"),
        };
        if (!double.IsFinite(number)) throw new FormatException($"value {index} of 'observation' is too large for a float32");
        if (typeof(TObservation) == typeof(float)) return (TObservation)(object)(float)number;
        if (number != Math.Floor(number) || Math.Abs(number) > int.MaxValue)
            throw new FormatException(
                string.Create(CultureInfo.InvariantCulture, $"value {index} of 'observation' is {number}; whole numbers are expected"));
        if (typeof(TObservation) == typeof(int)) return (TObservation)(object)(int)number;
        return Math.Abs(number) <= 1 ? (TObservation)(object)(sbyte)number
            : throw new FormatException(
                string.Create(CultureInfo.InvariantCulture, $"value {index} of 'observation' is {number}; 0 or 1 is expected"));
    }
}
