using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// The one shape of state: tensors and short texts by name, and parts nested in it by prefix ("average/weight" is "weight" of the part
/// "average").
/// It is what a safetensors file of tensors and metadata holds.
/// </summary>
public sealed class Snapshot : IDisposable
{
    private readonly Contents _all;
    private readonly string _prefix;

    /// <summary>An empty snapshot.</summary>
    /// <param name="copies">
    /// False keeps references to tensors of the processor's memory instead of copies: for a snapshot that is written before anything in it
    /// changes.
    /// </param>
    public Snapshot(bool copies = true)
        : this(copies, null)
    {
    }

    /// <summary>
    /// An empty snapshot that takes over another, which is no longer needed: copies go into the memory of its tensors where name, type and
    /// shape are the same.
    /// </summary>
    internal Snapshot(bool copies, Snapshot? before)
        : this(new Contents("the state", null, copies), "")
    {
        if (copies) _all.Spare = before?._all.WithoutSpare();
        else before?.Dispose();
    }

    private Snapshot(Contents all, string prefix) => (_all, _prefix) = (all, prefix);

    /// <summary>What it was read from, for messages.</summary>
    public string Origin => _all.Origin;

    /// <summary>The tensors of this part by name; the snapshot owns them.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors =>
        _all.TensorNames.Where(IsMine).ToDictionary(key => key[_prefix.Length..], _all.Tensor, StringComparer.Ordinal);

    /// <summary>The texts of this part by name.</summary>
    public IReadOnlyDictionary<string, string> Texts =>
        _all.Texts.Where(t => IsMine(t.Key)).ToDictionary(t => t.Key[_prefix.Length..], t => t.Value, StringComparer.Ordinal);

    /// <summary>
    /// A snapshot over a file; its tensors are read when they are asked for, so the source must stay open as long as the snapshot.
    /// </summary>
    public static Snapshot From(ITensorSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new Snapshot(new Contents(source.Path, source, true), "");
    }

    /// <summary>Reads a safetensors file whole.</summary>
    public static Snapshot Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var all = new Contents(path, null, true);
        foreach (var key in file.Entries.Keys) all.Add(key, file.Read(key).DetachFromDisposeScope());
        foreach (var (key, text) in file.Metadata) all.Texts[key] = text;
        return new Snapshot(all, "");
    }

    /// <summary>The part with this name.</summary>
    public Snapshot Part(string name) => new(_all, $"{_prefix}{name}/");

    /// <summary>Writes the snapshot to a safetensors file, in one step.</summary>
    public void Write(string path) => SafetensorsWriter.Write(path, Tensors, Texts);

    /// <summary>Keeps a tensor's values (see the constructor for when they are copied).</summary>
    public void Put(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        var from = tensor.detach();
        if (_all.Spare?.Lend(_prefix + name, from) is { } lent)
        {
            _all.Add(_prefix + name, lent.copy_(from));
            return;
        }
        var kept = from.cpu();
        if (_all.Copies && tensor.device.type == DeviceType.CPU) kept = kept.clone();
        _all.Add(_prefix + name, kept.DetachFromDisposeScope());
    }

    /// <summary>Keeps a tensor of the processor's memory and takes it over.</summary>
    public void Take(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _all.Add(_prefix + name, tensor.DetachFromDisposeScope());
    }

    /// <summary>Keeps a copy of numbers with a shape.</summary>
    public void Put(string name, ReadOnlySpan<float> values, params long[] shape)
        => _all.Add(_prefix + name, tensor(values.ToArray(), shape.Length == 0 ? [values.Length] : shape).DetachFromDisposeScope());

    /// <summary>Keeps a text.</summary>
    public void Put(string name, string text) => _all.Texts[_prefix + name] = text;

    /// <summary>Keeps a number, exactly.</summary>
    public void Put(string name, double value) => Put(name, value.ToString("R", CultureInfo.InvariantCulture));

    /// <summary>Keeps a whole number, exactly.</summary>
    public void Put(string name, long value) => Put(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Keeps whatever <paramref name="write"/> writes, as bytes.</summary>
    public void Put(string name, Action<BinaryWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var memory = new MemoryStream();
        using (var writer = new BinaryWriter(memory, System.Text.Encoding.UTF8, leaveOpen: true)) write(writer);
        _all.Add(_prefix + name, tensor(memory.ToArray()).DetachFromDisposeScope());
    }

    /// <summary>Keeps a copy of bytes, less than 2 GiB.</summary>
    public void PutBytes(string name, ReadOnlySpan<byte> bytes)
    {
        var kept = empty(bytes.Length, dtype: ScalarType.Byte);
        bytes.CopyTo(kept.bytes);
        _all.Add(_prefix + name, kept.DetachFromDisposeScope());
    }

    /// <summary>Keeps parameters and buffers of a module under the part <paramref name="name"/>.</summary>
    public void Put(string name, nn.Module module)
    {
        foreach (var (key, value) in StateDict.Of(module)) Put($"{name}/{key}", value);
    }

    /// <summary>Keeps the state of something as the part <paramref name="name"/>.</summary>
    public void Put(string name, ISaved saved)
    {
        ArgumentNullException.ThrowIfNull(saved);
        saved.Save(Part(name));
    }

    /// <summary>Whether there is a tensor or text of this name, or a part.</summary>
    public bool Has(string name)
    {
        var (key, part) = (_prefix + name, $"{_prefix}{name}/");
        return _all.Texts.Keys.Concat(_all.TensorNames).Any(k => k == key || k.StartsWith(part, StringComparison.Ordinal));
    }

    /// <summary>A tensor that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public Tensor Tensor(string name)
        => _all.Has(_prefix + name) ? _all.Tensor(Seen(name))
            : throw new InvalidDataException(
                $"{Origin} lacks the tensor '{_prefix}{name}': it belongs to something else or was made with other options.");

    /// <summary>Copies numbers that were put in.</summary>
    /// <exception cref="InvalidDataException">They are missing or their number differs.</exception>
    public void Get(string name, Span<float> values)
    {
        var found = Tensor(name);
        if (found.numel() != values.Length || found.dtype != ScalarType.Float32)
            throw new InvalidDataException(
                $"{Origin}: '{_prefix}{name}' holds {found.numel()} values of {found.dtype}; needed are {values.Length} of Float32. The "
                    + $"network has another shape.");
        MemoryMarshal.Cast<byte, float>(found.bytes).CopyTo(values);
    }

    /// <summary>A text that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public string Text(string name)
        => _all.Texts.TryGetValue(Seen(name), out var text) ? text
            : throw new InvalidDataException(
                $"{Origin} lacks '{_prefix}{name}': it belongs to something else or was made with other options.");

    /// <summary>A number that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing or not a number.</exception>
    public double Number(string name)
        => double.TryParse(Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value
            : throw new InvalidDataException($"{Origin}: '{_prefix}{name}' is '{Text(name)}'; a number was expected.");

    /// <summary>A whole number that was put in.</summary>
    /// <exception cref="InvalidDataException">It is missing or not a whole number.</exception>
    public long Whole(string name)
        => Number(name) is var value && Math.Floor(value) == value && Math.Abs(value) < 9e15
            ? (long)value
            : throw new InvalidDataException($"{Origin}: '{_prefix}{name}' is '{Text(name)}'; a whole number was expected.");

    /// <summary>Hands the bytes that were put in to <paramref name="read"/>.</summary>
    /// <exception cref="InvalidDataException">They are missing, end too early, or are not read to their end.</exception>
    public void Get(string name, Action<BinaryReader> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        var found = Tensor(name);
        try
        {
            using var memory = new MemoryStream(found.bytes.ToArray());
            using var reader = new BinaryReader(memory);
            read(reader);
            if (memory.Position != memory.Length)
                throw new InvalidDataException(
                    $"{Origin}: '{_prefix}{name}' has {memory.Length - memory.Position} bytes more than are known.");
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException($"{Origin}: '{_prefix}{name}' ends too early.", e);
        }
    }

    /// <summary>Copies bytes that were put in.</summary>
    /// <exception cref="InvalidDataException">They are missing or their number differs.</exception>
    public void GetBytes(string name, Span<byte> bytes)
    {
        var found = Tensor(name);
        if (found.numel() != bytes.Length || found.dtype != ScalarType.Byte)
            throw new InvalidDataException(
                $"{Origin}: '{_prefix}{name}' holds {found.numel()} values of {found.dtype}; needed are {bytes.Length} of Byte. It belongs "
                    + $"to something of another size.");
        found.bytes.CopyTo(bytes);
    }

    /// <summary>Copies the part <paramref name="name"/> into a module, once all keys and shapes are known to fit.</summary>
    /// <exception cref="CheckpointException">They do not; nothing was copied.</exception>
    public void Get(string name, nn.Module module) => StateDict.Load(module, Under($"{name}/"), Origin);

    /// <summary>Hands the part <paramref name="name"/> to something to load.</summary>
    public void Get(string name, ISaved saved)
    {
        ArgumentNullException.ThrowIfNull(saved);
        saved.Load(Part(name));
    }

    /// <summary>The tensors whose names start with <paramref name="start"/>, by the rest of their names; they count as read.</summary>
    public IReadOnlyDictionary<string, Tensor> Under(string start)
        => Tensors.Where(t => t.Key.StartsWith(start, StringComparison.Ordinal))
            .ToDictionary(t => t.Key[start.Length..], t => _all.Tensor(Seen(t.Key)), StringComparer.Ordinal);

    /// <summary>The texts whose names start with <paramref name="start"/>, by their whole names; they count as read.</summary>
    public IReadOnlyDictionary<string, string> TextsUnder(string start)
        => Texts.Where(t => t.Key.StartsWith(start, StringComparison.Ordinal))
            .ToDictionary(t => t.Key, t => _all.Texts[Seen(t.Key)], StringComparer.Ordinal);

    /// <summary>
    /// Lets <paramref name="target"/> load this part, all or nothing: when it refuses, or leaves something unread, it is put back to where
    /// it was and the refusal is thrown.
    /// </summary>
    /// <exception cref="InvalidDataException">The part holds something that <paramref name="target"/> does not know.</exception>
    public void Restore(ISaved target)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var before = new Snapshot();
        target.Save(before);
        try
        {
            target.Load(this);
            var unread = _all.Unread.Where(IsMine).Order(StringComparer.Ordinal).ToList();
            if (unread.Count == 0) return;
            throw new InvalidDataException(
                $"{Origin} holds what is not known here: "
                    + $"{string.Join(", ", unread.Take(5))}{(unread.Count > 5 ? $" and {unread.Count - 5} more" : "")}. It was made with "
                    + $"other options.");
        }
        catch
        {
            target.Load(before);
            throw;
        }
    }

    /// <summary>Frees the tensors. Parts need not be disposed.</summary>
    public void Dispose()
    {
        if (_prefix.Length == 0) _all.Dispose();
    }

    private bool IsMine(string key) => key.StartsWith(_prefix, StringComparison.Ordinal);

    private string Seen(string name)
    {
        _all.Seen.Add(_prefix + name);
        return _prefix + name;
    }

    /// <summary>What a snapshot and its parts share.</summary>
    private sealed class Contents(string origin, ITensorSource? source, bool copies) : IDisposable
    {
        private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

        public string Origin => origin;

        public bool Copies => copies;

        public HashSet<string> Seen { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, string> Texts { get; } = source is null ? new(StringComparer.Ordinal)
            : new(source.Metadata, StringComparer.Ordinal);

        public IEnumerable<string> TensorNames => source is null ? _tensors.Keys : source.Entries.Keys.Union(_tensors.Keys);

        public IEnumerable<string> Unread => TensorNames.Concat(Texts.Keys).Where(key => !Seen.Contains(key));

        /// <summary>A snapshot that is no longer needed, whose memory copies may take.</summary>
        public Contents? Spare { get; set; }

        public Contents WithoutSpare()
        {
            Spare?.Dispose();
            Spare = null;
            return this;
        }

        /// <summary>Gives the tensor of this name away if values like these fit into it place by place; null otherwise.</summary>
        public Tensor? Lend(string key, Tensor like)
        {
            if (!_tensors.TryGetValue(key, out var tensor)) return null;
            var fits = tensor.dtype == like.dtype && tensor.shape.AsSpan().SequenceEqual(like.shape)
                && (like.device_type != DeviceType.CPU || tensor.stride().AsSpan().SequenceEqual(like.stride()));
            if (!fits) return null;
            _tensors.Remove(key);
            return tensor;
        }

        public bool Has(string key) => _tensors.ContainsKey(key) || source?.Entries.ContainsKey(key) == true;

        public void Add(string key, Tensor tensor)
        {
            if (_tensors.Remove(key, out var old)) old.Dispose();
            _tensors[key] = tensor;
        }

        public Tensor Tensor(string key)
        {
            if (!_tensors.TryGetValue(key, out var tensor)) _tensors[key] = tensor = source!.Read(key).DetachFromDisposeScope();
            return tensor;
        }

        public void Dispose()
        {
            foreach (var tensor in _tensors.Values) tensor.Dispose();
            _tensors.Clear();
            Spare?.Dispose();
        }
    }
}
