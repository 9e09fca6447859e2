namespace Cresset.Quantization;

/// <summary>
/// The captions at the beginning of a frame that a prior of captions coded: a byte with the number of words of the longest, 0 where the
/// maps were coded under none, then the words of each map.
/// </summary>
internal static class CodedCaptions
{
    /// <summary>The bytes of captions [maps, T]; empty for none.</summary>
    public static byte[] Write(long[] words, int maps, CaptionEncoderOptions captions)
    {
        if (words.Length == 0 || maps == 0) return [0];
        var each = words.Length / maps;
        if (each > byte.MaxValue)
            throw new ArgumentException($"captions have {each} words; a file holds captions of at most {byte.MaxValue}.", nameof(words));
        return [(byte)each, .. BitPacking.Pack(words, BitPacking.BitsFor(captions.Vocabulary))];
    }

    /// <summary>The captions [maps, T] at the beginning of a payload, which is moved behind them; a zero for each without.</summary>
    /// <exception cref="InvalidDataException">The payload is too short, or holds words that the prior does not know.</exception>
    public static long[] Read(ref ReadOnlySpan<byte> payload, int maps, CaptionEncoderOptions captions)
    {
        if (payload.IsEmpty) throw new InvalidDataException("The payload is empty; that of a prior of captions begins with them.");
        var each = payload[0];
        payload = payload[1..];
        if (each == 0) return new long[maps];
        if (each > captions.MaxLength)
            throw new InvalidDataException(
                $"The payload has captions of {each} words; the prior reads at most {captions.MaxLength}: it is not the one the file was "
                    + "written with.");
        var bits = BitPacking.BitsFor(captions.Vocabulary);
        var count = (long)maps * each;
        var bytes = BitPacking.ByteCount(count, [bits]);
        if (payload.Length < bytes)
            throw new InvalidDataException($"The payload has {payload.Length} bytes; the captions of {maps} maps alone take {bytes}.");
        var words = BitPacking.Unpack(payload, bits, count);
        if (words.FirstOrDefault(word => word >= captions.Vocabulary, -1) is var wrong && wrong >= 0)
            throw new InvalidDataException(
                $"The payload names word {wrong}; the prior knows {captions.Vocabulary}: it is not the one the file was written with.");
        payload = payload[(int)bytes..];
        return words;
    }
}
