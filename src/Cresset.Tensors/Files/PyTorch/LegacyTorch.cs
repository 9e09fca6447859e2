using System.Buffers.Binary;
using System.Numerics;

namespace Cresset.Tensors;

/// <summary>
/// The layout of torch.save before PyTorch 1.6 (today's <c>_use_new_zipfile_serialization=False</c>): a magic number, a version, facts
/// about the machine, the value, the keys of the storages, each a pickle; then every storage as its length and its bytes.
/// </summary>
internal static class LegacyTorch
{
    /// <summary>The pickle of the magic number 0x1950a86a20f9469cfc6c.</summary>
    public static ReadOnlySpan<byte> Magic =>
        [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    private const long Version = 1001;

    public static (object? Root, Dictionary<string, ZipRecord> Storages) Read(TensorFileData data, TorchWorld world)
    {
        var input = new PickleInput(data, 0, data.Length);
        if (new PickleReader(input, world).Read() is not BigInteger) throw input.Fault("the magic number is missing");
        if (new PickleReader(input, world).Read() is not Version) throw input.Fault($"the version is not {Version}");
        if (new PickleReader(input, world).Read() is PickleDict machine && machine["little_endian"] is false)
            throw new NotSupportedException(
                $"{data.Path} was saved on a big-endian machine; load and save it once more on a little-endian one.");
        var root = new PickleReader(input, world).Read();
        if (new PickleReader(input, world).Read() is not PickleSequence keys) throw input.Fault("the list of storage keys is missing");
        var storages = new Dictionary<string, ZipRecord>();
        var position = input.Position;
        Span<byte> count = stackalloc byte[8];
        foreach (var item in keys.Items)
        {
            if (item is not string key || !world.Storages.TryGetValue(key, out var storage))
                throw input.Fault($"the storage {PickleText.Kind(item)} belongs to no tensor");
            if (position > data.Length - 8) throw Cut(data, key, position);
            data.Fill(count, position);
            var announced = BinaryPrimitives.ReadInt64LittleEndian(count);
            if (announced != storage.Count)
                throw new InvalidDataException(
                    $"{data.Path}: the storage '{PickleText.Short(key)}' has {announced} elements at offset {position}, and "
                        + $"{storage.Count} where it is described.");
            position += 8;
            if (storage.Bytes > data.Length - position) throw Cut(data, key, position);
            if (!storages.TryAdd(key, new ZipRecord(key, position, storage.Bytes, 0)))
                throw input.Fault($"the storage '{PickleText.Short(key)}' is there twice");
            position += storage.Bytes;
        }
        return (root, storages);
    }

    private static InvalidDataException Cut(TensorFileData data, string key, long position)
        => new($"{data.Path}: the file ends at offset {data.Length}, inside the storage '{PickleText.Short(key)}' that begins at "
            + $"{position}; it was cut.");
}
