using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// A checkpoint of torch.save (<c>.pt</c>, <c>.pth</c>, <c>.bin</c>, <c>.ckpt</c>), open for reading, in today's zip layout or the one
/// before PyTorch 1.6.
/// Nothing in the file is ever run: classes and functions that it names stay names, see <see cref="Unknown"/>.
/// Opening reads the description of the tensors; their data stays in the file until it is asked for.
/// </summary>
public sealed class PyTorchFile : IStoredTensors
{
    private readonly TensorFileData _data;
    private readonly IReadOnlyDictionary<string, ZipRecord> _records;
    private readonly Func<string, string> _recordName;
    private readonly TorchSections _sections;
    private readonly Dictionary<string, TorchTensor> _tensors = [];
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _aliases = [];

    private PyTorchFile(TensorFileData data, object? root, TorchWorld world, IReadOnlyDictionary<string, ZipRecord> records,
        Func<string, string> recordName, string? section, bool anyWeights)
    {
        (_data, _records, _recordName) = (data, records, recordName);
        Unknown = world.Met;
        _sections = TorchSections.Find(root, data.Path);
        var chosen = anyWeights ? new TorchSection("", []) : Choose(section);
        Section = chosen.Name;
        foreach (var (key, tensor) in chosen.Tensors) Add(key, tensor);
    }

    /// <inheritdoc/>
    public string Path => _data.Path;

    /// <summary>The place of the state dict in the checkpoint, such as "state_dict"; empty for the top of the file.</summary>
    public string Section { get; }

    /// <summary>All state dicts and whole modules in the checkpoint, any of which can be opened as a section.</summary>
    public IReadOnlyList<string> Sections => [.. _sections.Weights.Select(s => s.Name)];

    /// <summary>The optimizer states in the checkpoint, see <see cref="ReadOptimizer"/>.</summary>
    public IReadOnlyList<string> Optimizers => [.. _sections.Optimizers.Keys];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>Plain values beside the tensors (epoch, hyper-parameters) as text, by their path in the checkpoint.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _sections.Texts;

    /// <summary>
    /// Keys whose tensor is the same memory as another's (tied weights), and that other key. They are among the entries too.
    /// </summary>
    public IReadOnlyDictionary<string, string> Aliases => _aliases;

    /// <summary>Classes and functions that the file names and that were left alone, with the number of times.</summary>
    public IReadOnlyDictionary<string, int> Unknown { get; }

    /// <summary>Opens a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <param name="section">Which of several state dicts (<see cref="Sections"/>), such as "ema"; null takes the only one.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or hostile, or holds several state dicts and none was chosen.</exception>
    /// <exception cref="NotSupportedException">It is another kind of archive, or was saved on a big-endian machine.</exception>
    public static PyTorchFile Open(string path, string? section = null) => Open(path, section, anyWeights: false);

    /// <summary>
    /// Opens a checkpoint without choosing a state dict: its sections and optimizers can be listed, its entries are empty.
    /// </summary>
    public static PyTorchFile OpenOverview(string path) => Open(path, null, anyWeights: true);

    private static PyTorchFile Open(string path, string? section, bool anyWeights)
    {
        var data = TensorFileData.Open(path);
        try
        {
            var world = new TorchWorld();
            Span<byte> first = stackalloc byte[LegacyTorch.Magic.Length];
            if (RandomAccess.Read(data.Handle, first, 0) == first.Length && first.SequenceEqual(LegacyTorch.Magic))
            {
                var (root, storages) = LegacyTorch.Read(data, world);
                return new PyTorchFile(data, root, world, storages, key => key, section, anyWeights);
            }
            var records = TorchZip.Read(data);
            var prefix = Prefix(path, records);
            RefuseBigEndian(data, records, prefix);
            var pickle = TorchZip.Plain(data, records[prefix + "data.pkl"]);
            var value = new PickleReader(new PickleInput(data, pickle.Offset, pickle.Offset + pickle.Length), world).Read();
            return new PyTorchFile(data, value, world, records, key => $"{prefix}data/{key}", section, anyWeights);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        var (tensor, entry) = Find(name);
        return tensor.IsDense ? _data.Read(entry) : StridedTensors.Read(_data, tensor, entry);
    }

    /// <inheritdoc/>
    public Tensor Map(string name)
    {
        var (tensor, entry) = Find(name);
        return tensor.IsDense ? _data.Map(entry) : StridedTensors.Read(_data, tensor, entry);
    }

    /// <summary>The elements of a tensor as stored, of whatever type, in the order of its shape.</summary>
    public byte[] ReadBytes(string name)
    {
        using var bytes = new MemoryStream();
        ((IStoredTensors)this).CopyBytes(name, bytes);
        return bytes.ToArray();
    }

    /// <summary>
    /// An optimizer's state_dict() in the checkpoint as tensors <c>state.N.slot</c> (numbers become tensors without dimensions) and
    /// <c>param_groups</c> as JSON text. The tensors are the caller's.
    /// </summary>
    /// <param name="name">One of <see cref="Optimizers"/>; null takes the only one.</param>
    /// <exception cref="InvalidDataException">There is none, or several and none was chosen, or it holds what is not a number, text or
    /// tensor.</exception>
    public (IReadOnlyDictionary<string, Tensor> Tensors, string ParamGroups) ReadOptimizer(string? name = null)
    {
        if (_sections.Optimizers.Count == 0)
            throw new InvalidDataException($"{Path} holds no optimizer state (a dictionary with 'state' and 'param_groups').");
        if (name is null && _sections.Optimizers.Count > 1)
            throw new InvalidDataException(
                $"{Path} holds {_sections.Optimizers.Count} optimizer states: {string.Join(", ", Optimizers.Select(o => $"'{o}'"))}. Name "
                    + $"one.");
        var chosen = name ?? Optimizers[0];
        if (!_sections.Optimizers.TryGetValue(chosen, out var state))
            throw new InvalidDataException(
                $"{Path} holds no optimizer state '{chosen}'; there is {string.Join(", ", Optimizers.Select(o => $"'{o}'"))}.");
        return TorchOptimizer.Read(state, chosen, Path, _data.Length, tensor => Read(tensor, Locate(chosen, tensor)));
    }

    /// <summary>Compares every record of the archive with its checksum and names those that differ; the older layout has none.</summary>
    public IReadOnlyList<string> Damaged(CancellationToken cancellation = default)
    {
        var damaged = new List<string>();
        foreach (var record in _records.Values.Where(r => r.Checksum != 0 && !r.IsCompressed))
        {
            cancellation.ThrowIfCancellationRequested();
            if (TorchZip.Checksum(_data, record) != record.Checksum) damaged.Add(record.Name);
        }
        return damaged;
    }

    void IStoredTensors.CopyBytes(string name, Stream target)
    {
        var (tensor, entry) = Find(name);
        if (tensor.Storage is null) throw NoData(name, tensor);
        if (tensor.IsDense) _data.CopyBytes(entry, target);
        else StridedTensors.CopyBytes(_data, tensor, entry, target);
    }

    /// <summary>Closes the file. Mapped tensors stay valid.</summary>
    public void Dispose() => _data.Dispose();

    private Tensor Read(TorchTensor tensor, SafetensorsEntry entry) =>
        tensor.IsDense ? _data.Read(entry) : StridedTensors.Read(_data, tensor, entry);

    private (TorchTensor Tensor, SafetensorsEntry Entry) Find(string name) => _entries.TryGetValue(name, out var entry)
        ? (_tensors[name], entry)
        : throw TensorFileData.NoSuchKey(Path, name, _entries.Keys);

    private NotSupportedException NoData(string name, TorchTensor tensor) =>
        new($"{Path}: '{name}' is a {tensor.TypeName} tensor, which is not read; the others are.");

    private void Add(string key, TorchTensor tensor)
    {
        if (!_entries.TryAdd(key, Locate(key, tensor)))
            throw new InvalidDataException($"{Path}: two tensors have the key '{PickleText.Short(key)}'.");
        _tensors.Add(key, tensor);
        if (tensor.Storage is null) return;
        var first = _first.TryGetValue(tensor.Storage, out var others) ? others : _first[tensor.Storage] = [];
        if (first.Find(other => other.Tensor.Is(tensor)) is { Key: not null } same) _aliases.Add(key, same.Key);
        else if (first.Count < 1000) first.Add((key, tensor));
    }

    private readonly Dictionary<TorchStorage, List<(string Key, TorchTensor Tensor)>> _first = new(ReferenceEqualityComparer.Instance);

    private SafetensorsEntry Locate(string key, TorchTensor tensor)
    {
        if (tensor.Storage is not { } storage)
            return new SafetensorsEntry(key, SafetensorsDtype.Unknown, tensor.Shape, 0, 0) { TypeName = tensor.TypeName };
        if (!_records.TryGetValue(_recordName(storage.Key), out var record))
            throw new InvalidDataException(
                $"{Path}: '{PickleText.Short(key)}' lies in the record '{PickleText.Short(storage.Key)}', which is missing.");
        TorchZip.Plain(_data, record);
        if (record.Length < storage.Dtype.Bytes(storage.Start) + storage.Bytes)
            throw new InvalidDataException(
                $"{Path}: '{PickleText.Short(key)}' needs {storage.Bytes} bytes of the record '{PickleText.Short(storage.Key)}', which has "
                    + $"{record.Length}.");
        var offset = record.Offset + storage.Dtype.Bytes(storage.Start) + tensor.Dtype.Bytes(tensor.Start);
        var entry = new SafetensorsEntry(key, tensor.Dtype, tensor.Shape, offset, tensor.Dtype.Bytes(tensor.Count));
        return tensor.Dtype == SafetensorsDtype.Unknown ? entry with { TypeName = tensor.TypeName } : entry;
    }

    private TorchSection Choose(string? section)
    {
        var all = _sections.Weights;
        if (section is not null)
        {
            return all.FirstOrDefault(s => s.Name == section)
                ?? throw new InvalidDataException($"{Path} has no section '{section}'; there is {Names(all)}.");
        }
        return all switch
        {
            [var only] => only,
            [] => new TorchSection("", []),
            _ => throw new InvalidDataException(
                $"{Path} holds several state dicts: {Names(all)}. Choose one by its name (section; --section at the command line)."),
        };
    }

    private static string Names(IReadOnlyList<TorchSection> sections)
        => sections.Count == 0 ? "none"
            : string.Join(", ", sections.Take(20).Select(s => $"{s.Title} ({s.Tensors.Count} tensors)"))
                + (sections.Count > 20 ? ", ..." : "");

    private static string Prefix(string path, Dictionary<string, ZipRecord> records)
    {
        var found =
            records.Keys.Where(n => n == "data.pkl" || (n.EndsWith("/data.pkl", StringComparison.Ordinal) && n.Count(c => c == '/') == 1))
                .ToList();
        if (found.Count == 1) return found[0][..^"data.pkl".Length];
        if (found.Count > 1)
            throw new InvalidDataException($"{path}: the archive holds {found.Count} records data.pkl; a checkpoint has one.");
        var other = records.Keys.Any(n => n.EndsWith(".npy", StringComparison.Ordinal)) ? "NumPy arrays (npz)"
            : records.Keys.Any(n => n.EndsWith(".weights.h5", StringComparison.Ordinal)) ? "a Keras model" : "no record data.pkl";
        throw new NotSupportedException($"{path}: the archive holds {other}; it is not a file of torch.save.");
    }

    private static void RefuseBigEndian(TensorFileData data, Dictionary<string, ZipRecord> records, string prefix)
    {
        if (!records.TryGetValue(prefix + "byteorder", out var record) || record.Length > 16 || record.IsCompressed) return;
        var text = new byte[record.Length];
        data.Fill(text, record.Offset);
        if (text.AsSpan().SequenceEqual("big"u8))
            throw new NotSupportedException(
                $"{data.Path} was saved on a big-endian machine; load and save it once more on a little-endian one.");
    }
}
