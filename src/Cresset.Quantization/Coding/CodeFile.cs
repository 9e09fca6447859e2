using System.Buffers.Binary;

namespace Cresset.Quantization;

/// <summary>A file of codes open for reading: entries by name or number, each read without the rest.</summary>
/// <remarks>
/// The index is checked against its checksum and the length of the file before anything is decoded; a header cannot claim more codes than
/// its payloads have room for.
/// </remarks>
public sealed class CodeFile : IDisposable
{
    private readonly Stream _stream;
    private readonly string _path;
    private readonly StoredFrame[] _frames;
    private readonly long[] _firstMaps;
    private readonly byte[] _fingerprint;
    private (StoredFrame Frame, ICodeCoder? Coder, long[] Codes)? _last;

    private CodeFile(Stream stream, string path)
    {
        (_stream, _path) = (stream, path);
        var (index, start) = ReadIndex();
        Tokenizer = index.Text("the tokenizer");
        _fingerprint = index.Bytes("the model's fingerprint");
        if (_fingerprint.Length is not (0 or 16))
            throw new InvalidDataException(
                $"{path}: a fingerprint of {_fingerprint.Length} bytes before offset {index.Offset}; expected none or 16.");
        CodebookSizes = [.. Enumerable.Range(0, index.Count("stages", 1)).Select(_ => index.Number("a codebook's size"))];
        if (CodebookSizes.Count == 0 || CodebookSizes.Any(s => s is < 1 or > 1L << 62))
            throw new InvalidDataException(
                $"{path}: impossible codebook sizes [{string.Join(", ", CodebookSizes)}] before offset {index.Offset}.");
        Entries = [.. Enumerable.Range(0, index.Count("entries", 3)).Select(_ => Entry(index))];
        _firstMaps = new long[Entries.Count];
        var maps = 0L;
        for (var i = 0; i < Entries.Count; i++)
        {
            _firstMaps[i] = maps;
            if (Entries[i].CodesPerMap(CodebookSizes.Count) > 0) maps = checked(maps + Entries[i].Maps);
        }
        _frames = Frames(index, start, maps);
        if (!index.AtEnd) throw new InvalidDataException($"{path}: the index goes on after its end at offset {index.Offset}.");
    }

    /// <summary>Which model made the codes.</summary>
    public string Tokenizer { get; }

    /// <summary>Codes of each stage.</summary>
    public IReadOnlyList<long> CodebookSizes { get; }

    /// <summary>What is in the file, in order.</summary>
    public IReadOnlyList<CodeEntry> Entries { get; }

    /// <summary>Whether a prior is needed to read all of it.</summary>
    public bool NeedsPrior => _fingerprint.Length > 0;

    /// <summary>Opens a file of version 3.</summary>
    /// <exception cref="InvalidDataException">Not such a file, cut short or damaged; the message gives path and offset.</exception>
    public static CodeFile Open(string path)
    {
        var stream = File.OpenRead(path);
        try
        {
            return Open(stream, path);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Opens what a stream that can seek holds; it is disposed with the file.</summary>
    public static CodeFile Open(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        try
        {
            return new CodeFile(stream, name);
        }
        catch (OverflowException)
        {
            throw new InvalidDataException($"{name}: the index counts more codes than any file can hold.");
        }
    }

    /// <summary>The codes of an entry, stages innermost.</summary>
    /// <param name="entry">Its number.</param>
    /// <param name="coder">The coder the file was written with, where it <see cref="NeedsPrior"/>.</param>
    /// <exception cref="InvalidDataException">A frame is damaged, or the coder is not the one it was written with.</exception>
    public long[] Read(int entry, ICodeCoder? coder = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(entry);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(entry, Entries.Count);
        var each = Entries[entry].CodesPerMap(CodebookSizes.Count);
        var maps = Entries[entry].Maps;
        if (each == 0 || maps == 0) return [];
        var codes = new long[checked(maps * each)];
        var (first, end) = (_firstMaps[entry], _firstMaps[entry] + maps);
        foreach (var frame in FramesOf(first, end))
        {
            var decoded = Decode(frame, coder);
            var from = Math.Max(first, frame.Frame.FirstMap);
            var to = Math.Min(end, frame.Frame.FirstMap + frame.Frame.Maps);
            decoded.AsSpan((int)((from - frame.Frame.FirstMap) * each), (int)((to - from) * each))
                .CopyTo(codes.AsSpan((int)((from - first) * each)));
        }
        return codes;
    }

    /// <summary>The codes of all entries after one another; frames are decoded side by side.</summary>
    public long[] ReadAll(ICodeCoder? coder = null)
    {
        var payloads = _frames.Select(Payload).ToArray();
        var decoded = new long[_frames.Length][];
        try
        {
            Parallel.For(0, _frames.Length, i => decoded[i] = Decode(_frames[i], payloads[i], coder));
        }
        catch (AggregateException failure) when (failure.InnerExceptions.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(failure.InnerExceptions[0]).Throw();
        }
        return [.. decoded.SelectMany(d => d)];
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private IEnumerable<StoredFrame> FramesOf(long first, long end)
    {
        // Frames lie in the order of their maps.
        int low = 0, high = _frames.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_frames[middle].Frame.FirstMap + _frames[middle].Frame.Maps <= first) low = middle + 1;
            else high = middle;
        }
        for (; low < _frames.Length && _frames[low].Frame.FirstMap < end; low++) yield return _frames[low];
    }

    private long[] Decode(StoredFrame stored, ICodeCoder? coder)
    {
        // Small pictures share a frame: it is decoded once for all that are read one after the other.
        if (_last is { } last && ReferenceEquals(last.Frame, stored) && ReferenceEquals(last.Coder, coder)) return last.Codes;
        var codes = Decode(stored, Payload(stored), coder);
        _last = (stored, coder, codes);
        return codes;
    }

    private byte[] Payload(StoredFrame stored)
    {
        var bytes = new byte[stored.Length + 4];
        _stream.Position = stored.Offset;
        _stream.ReadExactly(bytes);
        return bytes;
    }

    private long[] Decode(StoredFrame stored, byte[] bytes, ICodeCoder? coder)
    {
        var frame = stored.Frame;
        var payload = bytes.AsSpan(0, stored.Length);
        long[] codes;
        if (stored.Coded)
        {
            if (coder is null)
                throw new InvalidDataException(
                    $"{_path}: the payload at offset {stored.Offset} is range-coded by a prior: give the prior it was written with "
                        + $"(cresset vq decode: --prior RUN).");
            if (!coder.Fingerprint.Span.SequenceEqual(_fingerprint))
                throw new InvalidDataException(
                    $"{_path} was coded with a prior of fingerprint {Convert.ToHexStringLower(_fingerprint)}; the one given has "
                        + $"{Convert.ToHexStringLower(coder.Fingerprint.Span)}: its weights are others.");
            try
            {
                codes = coder.Decode(frame, payload);
            }
            catch (Exception failure) when (failure is ArgumentException or OverflowException)
            {
                throw new InvalidDataException($"{_path}: the payload at offset {stored.Offset}: {failure.Message}", failure);
            }
        }
        else
        {
            codes = BitPacking.Unpack(payload, CodeFileLayout.Widths(frame.CodebookSizes, frame.HasNone), frame.Maps * frame.CodesPerMap);
            if (frame.HasNone)
            {
                for (var i = 0; i < codes.Length; i++) codes[i]--;
            }
        }
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(stored.Length)) != CodeChecksum.Of(codes))
            throw new InvalidDataException(
                $"{_path}: the codes do not match their checksum (offset {stored.Offset + stored.Length}): the payload at offset "
                    + $"{stored.Offset} is damaged.");
        for (var i = 0; i < codes.Length; i++)
        {
            if (codes[i] >= CodebookSizes[i % CodebookSizes.Count])
                throw new InvalidDataException(
                    $"{_path}: the payload at offset {stored.Offset} holds code {codes[i]} of a codebook of "
                        + $"{CodebookSizes[i % CodebookSizes.Count]}.");
        }
        return codes;
    }

    private (IndexReader Index, long Start) ReadIndex()
    {
        var head = new byte[CodeFileLayout.HeadBytes];
        if (_stream.Length < head.Length + CodeFileLayout.TailBytes)
            throw new InvalidDataException($"{_path}: the file ends at {_stream.Length}; not a file of packed codes, or cut short.");
        _stream.Position = 0;
        _stream.ReadExactly(head);
        if (!head.AsSpan(0, 8).SequenceEqual(CodeFileLayout.Magic))
            throw new InvalidDataException($"{_path}: not a file of packed codes (offset 0 does not hold \"CRESSETQ\").");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(8));
        if (version != CodeFileLayout.Version || head[10] != 0 || head[11] != 0)
            throw new InvalidDataException(
                $"{_path}: version {version} at offset 8; this build reads versions 1 to {CodeFileLayout.Version} (open files of version 1 "
                    + $"and 2 by PackedCodes.Read).");
        var tail = new byte[CodeFileLayout.TailBytes];
        _stream.Position = _stream.Length - tail.Length;
        _stream.ReadExactly(tail);
        if (!tail.AsSpan(8).SequenceEqual(CodeFileLayout.EndMagic))
            throw new InvalidDataException(
                $"{_path}: the end of the file is missing (offset {_stream.Length - 4} does not hold \"CODE\"): it is cut short or has "
                    + $"grown.");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        var start = _stream.Length - tail.Length - length;
        if (start < head.Length)
            throw new InvalidDataException(
                $"{_path}: an index of {length} bytes (offset {_stream.Length - tail.Length}) cannot fit into a file of {_stream.Length}.");
        var bytes = new byte[length];
        _stream.Position = start;
        _stream.ReadExactly(bytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(4)) != CodeChecksum.Of([.. head, .. bytes]))
            throw new InvalidDataException($"{_path}: the index is damaged (checksum at offset {_stream.Length - 8} does not match).");
        return (new IndexReader(bytes, _path, start), start);
    }

    private CodeEntry Entry(IndexReader index)
    {
        var name = index.Text("a name");
        var at = index.Offset;
        long[] shape = [.. Enumerable.Range(0, index.Count("sizes of a shape", 1)).Select(_ => index.Number("a size"))];
        var total = shape.Skip(1).Aggregate((double)CodebookSizes.Count, (a, b) => a * b);
        // A map of more codes has no place in an array.
        if (total > int.MaxValue)
            throw new InvalidDataException($"{_path}: impossible shape [{string.Join(", ", shape)}] of '{name}' at offset {at}.");
        var attributes = new Dictionary<string, string>();
        for (var left = index.Count("attributes", 2); left > 0; left--)
            attributes[index.Text("an attribute")] = index.Text("an attribute's value");
        return new CodeEntry(name, shape) { Attributes = attributes };
    }

    private StoredFrame[] Frames(IndexReader index, long start, long maps)
    {
        var frames = new StoredFrame[index.Count("frames", 3)];
        var offset = (long)CodeFileLayout.HeadBytes;
        var entry = 0;
        var (next, endOfRun) = (0L, 0L);
        IReadOnlyList<long> shape = [];
        for (var i = 0; i < frames.Length; i++)
        {
            var at = index.Offset;
            var (count, length, kind) = (index.Number("maps of a frame"), index.Number("a payload's length"),
                index.Number("a frame's kind"));
            while (next == endOfRun && entry < Entries.Count)
            {
                // Entries of the same shape that follow one another share frames.
                while (entry < Entries.Count && (Entries[entry].Maps == 0 || Entries[entry].CodesPerMap(CodebookSizes.Count) == 0)) entry++;
                if (entry == Entries.Count) break;
                shape = Entries[entry].MapShape;
                for (; entry < Entries.Count
                    && (Entries[entry].MapShape.SequenceEqual(shape) || Entries[entry].Maps == 0
                        || Entries[entry].CodesPerMap(CodebookSizes.Count) == 0); entry++)
                {
                    if (Entries[entry].CodesPerMap(CodebookSizes.Count) > 0) endOfRun = checked(endOfRun + Entries[entry].Maps);
                }
            }
            var (coded, none) = ((kind & 1) != 0, (kind & 2) != 0);
            if (kind > 3 || (coded && _fingerprint.Length == 0))
                throw new InvalidDataException($"{_path}: unknown kind {kind} of frame {i} at offset {at}.");
            if (count < 1 || count > endOfRun - next)
                throw new InvalidDataException(
                    $"{_path}: frame {i} at offset {at} holds {count} maps; {endOfRun - next} of its shape are left.");
            var each = shape.Aggregate((long)CodebookSizes.Count, (a, b) => a * b);
            if ((double)count * each > int.MaxValue || length > start - offset - 4)
                throw new InvalidDataException(
                    $"{_path}: frame {i} at offset {at} claims {(double)count * each:F0} codes in {length} bytes; the file has "
                        + $"{start - offset} left for it.");
            if (coded ? count * each > length * CodeFileLayout.MostCodesPerByte
                : length != BitPacking.ByteCount(count * each, CodeFileLayout.Widths(CodebookSizes, none)))
                throw new InvalidDataException($"{_path}: frame {i} at offset {at} claims {count * each} codes in {length} bytes.");
            frames[i] = new StoredFrame(new CodeFrame(next, (int)count, shape, CodebookSizes, none), coded, offset, (int)length);
            offset += length + 4;
            next += count;
        }
        if (next != maps) throw new InvalidDataException($"{_path}: the entries have {maps} maps, the frames {next}.");
        if (offset != start) throw new InvalidDataException($"{_path}: the frames end at offset {offset}, the index begins at {start}.");
        return frames;
    }
}
