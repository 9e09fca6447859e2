using System.Buffers.Binary;
using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>
/// Writes a file of codes entry by entry; memory does not grow with the codes. Each frame is packed or range-coded, whichever is smaller.
/// </summary>
public sealed class CodeFileWriter
{
    private readonly Stream _stream;
    private readonly string _tokenizer;
    private readonly long[] _sizes;
    private readonly ICodeCoder? _coder;
    private readonly List<CodeEntry> _entries = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<(int Maps, int Length, int Kind)> _frames = [];
    private readonly List<(CodeFrame Frame, long[] Codes)> _waiting = [];
    private readonly List<long> _open = [];
    private IReadOnlyList<long> _openShape = [];
    private int _openMaps;
    private long _maps;

    private CodeFileWriter(Stream stream, string tokenizer, IReadOnlyList<long> codebookSizes, ICodeCoder? coder)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(codebookSizes);
        if (codebookSizes.Count == 0 || codebookSizes.Any(s => s is < 1 or > 1L << 62))
            throw new ArgumentException("There must be at least one codebook, of 1 to 2^62 codes.", nameof(codebookSizes));
        if (coder is not null && coder.Fingerprint.Length != 16)
            throw new ArgumentException($"The coder's fingerprint has {coder.Fingerprint.Length} bytes; it must have 16.", nameof(coder));
        (_stream, _tokenizer, _sizes, _coder) = (stream, tokenizer, [.. codebookSizes], coder);
        _stream.Write(CodeFileLayout.Head);
    }

    /// <summary>Bytes that the codes written so far would take without a coder.</summary>
    public long PackedBytes { get; private set; }

    /// <summary>Writes a file; it appears whole or not at all.</summary>
    /// <param name="path">Where.</param>
    /// <param name="tokenizer">Which model made the codes; free text.</param>
    /// <param name="codebookSizes">Codes of each stage.</param>
    /// <param name="coder">Codes frames with a prior where that is smaller; null packs bits.</param>
    /// <param name="fill">Adds the entries.</param>
    public static void Write(string path, string tokenizer, IReadOnlyList<long> codebookSizes, ICodeCoder? coder,
        Action<CodeFileWriter> fill)
        => AtomicFile.Write(path, stream => Write(stream, tokenizer, codebookSizes, coder, fill));

    /// <summary>Writes to a stream, which need not be able to seek.</summary>
    public static void Write(Stream stream, string tokenizer, IReadOnlyList<long> codebookSizes, ICodeCoder? coder,
        Action<CodeFileWriter> fill)
    {
        ArgumentNullException.ThrowIfNull(fill);
        var writer = new CodeFileWriter(stream, tokenizer, codebookSizes, coder);
        fill(writer);
        writer.Finish();
    }

    /// <summary>Adds an entry.</summary>
    /// <param name="entry">What it is.</param>
    /// <param name="codes">Its codes, stages innermost; -1 for none.</param>
    /// <exception cref="ArgumentException">A code is out of range (position and value are named), the count does not fit the shape, or the
    /// name is taken.</exception>
    public void Add(CodeEntry entry, ReadOnlySpan<long> codes)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var total = entry.Shape.Any(s => s < 0) ? -1 : entry.Shape.Aggregate((Int128)_sizes.Length, (a, b) => a * b);
        if (total != codes.Length)
            throw new ArgumentException(
                $"{codes.Length} codes; the shape [{string.Join(", ", entry.Shape)}] with {_sizes.Length} stages takes {total}.",
                nameof(codes));
        for (var i = 0; i < codes.Length; i++)
        {
            var size = _sizes[i % _sizes.Length];
            if (codes[i] < -1 || codes[i] >= size)
                throw new ArgumentException(
                    $"Code {codes[i]} at position {i / _sizes.Length}, stage {i % _sizes.Length} is out of range; allowed: 0 to "
                        + $"{size - 1}, or -1 for none.", nameof(codes));
        }
        if (!_names.Add(entry.Name)) throw new ArgumentException($"There is an entry named '{entry.Name}' already.", nameof(entry));
        _entries.Add(entry);
        if (codes.Length == 0) return;
        var shape = entry.MapShape;
        if (!shape.SequenceEqual(_openShape)) Close();
        _openShape = shape;
        var each = codes.Length / (int)entry.Maps;
        var most = (int)Math.Max(1, CodeFileLayout.CodesPerFrame / each);
        for (var map = 0; map < entry.Maps; map++)
        {
            _open.AddRange(codes.Slice(map * each, each));
            if (++_openMaps >= most) Close();
        }
    }

    private void Close()
    {
        if (_openMaps == 0) return;
        var none = _open.Contains(-1);
        _waiting.Add((new CodeFrame(_maps, _openMaps, _openShape, _sizes, none), [.. _open]));
        _maps += _openMaps;
        _openMaps = 0;
        _open.Clear();
        if (_waiting.Count >= Environment.ProcessorCount) Flush();
    }

    // Frames are coded side by side and written in their order: the file does not depend on the number of threads.
    private void Flush()
    {
        var payloads = new (byte[] Bytes, bool Coded)[_waiting.Count];
        try
        {
            Parallel.For(0, payloads.Length, i => payloads[i] = Payload(_waiting[i].Frame, _waiting[i].Codes));
        }
        catch (AggregateException failure) when (failure.InnerExceptions.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(failure.InnerExceptions[0]).Throw();
        }
        Span<byte> checksum = stackalloc byte[4];
        for (var i = 0; i < payloads.Length; i++)
        {
            var (frame, codes) = _waiting[i];
            _stream.Write(payloads[i].Bytes);
            BinaryPrimitives.WriteUInt32LittleEndian(checksum, CodeChecksum.Of(codes));
            _stream.Write(checksum);
            _frames.Add((frame.Maps, payloads[i].Bytes.Length, (payloads[i].Coded ? 1 : 0) | (frame.HasNone ? 2 : 0)));
            PackedBytes += BitPacking.ByteCount(codes.Length, CodeFileLayout.Widths(_sizes, frame.HasNone));
        }
        _waiting.Clear();
    }

    private (byte[] Bytes, bool Coded) Payload(CodeFrame frame, long[] codes)
    {
        var packed = BitPacking.Pack(frame.HasNone ? [.. codes.Select(c => c + 1)] : codes, CodeFileLayout.Widths(_sizes, frame.HasNone));
        if (_coder is null) return (packed, false);
        var coded = _coder.Encode(frame, codes);
        var least = (int)((codes.Length + CodeFileLayout.MostCodesPerByte - 1) / CodeFileLayout.MostCodesPerByte);
        // The decoder reads zeros after the end of a payload, so zeros may be added.
        if (coded.Length < least) Array.Resize(ref coded, least);
        return coded.Length < packed.Length ? (coded, true) : (packed, false);
    }

    private void Finish()
    {
        Close();
        Flush();
        var index = new IndexWriter();
        index.Text(_tokenizer);
        index.Bytes(_frames.Any(f => (f.Kind & 1) != 0) ? _coder!.Fingerprint.Span : []);
        index.Number(_sizes.Length);
        foreach (var size in _sizes) index.Number(size);
        index.Number(_entries.Count);
        foreach (var entry in _entries)
        {
            index.Text(entry.Name);
            index.Number(entry.Shape.Count);
            foreach (var size in entry.Shape) index.Number(size);
            index.Number(entry.Attributes.Count);
            foreach (var (key, value) in entry.Attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
            {
                index.Text(key);
                index.Text(value);
            }
        }
        index.Number(_frames.Count);
        foreach (var (maps, length, kind) in _frames)
        {
            index.Number(maps);
            index.Number(length);
            index.Number(kind);
        }
        var bytes = index.ToArray();
        var tail = new byte[CodeFileLayout.TailBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(tail, (uint)bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(tail.AsSpan(4), CodeChecksum.Of([.. CodeFileLayout.Head, .. bytes]));
        CodeFileLayout.EndMagic.CopyTo(tail, 8);
        _stream.Write(bytes);
        _stream.Write(tail);
    }
}
