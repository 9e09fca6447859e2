using System.IO.Compression;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>NumPy's <c>.npz</c> archives: named arrays, plain or compressed.</summary>
internal static class NpzFile
{
    internal const string Suffix = ".npy";

    /// <summary>Names of the arrays, in the order of the archive.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged.</exception>
    public static IReadOnlyList<string> Names(string path)
        => Open(path,
            archive =>
                (IReadOnlyList<string>)[.. archive.Entries.Where(e => e.FullName.EndsWith(Suffix, StringComparison.Ordinal))
                    .Select(e => e.FullName[..^Suffix.Length])]);

    /// <summary>Reads one array.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">There is no such array; the nearest is named.</exception>
    /// <exception cref="InvalidDataException">The archive or the array is damaged.</exception>
    public static Tensor Read(string path, string name)
    {
        var names = Names(path);
        if (!names.Contains(name))
        {
            throw new ArgumentException($"{path} holds no array '{name}'.{NearestName.Suggest(name, names)} It holds: "
                + $"{string.Join(", ", names)}.", nameof(name));
        }
        return Open(path, archive =>
        {
            var entry = archive.GetEntry(name + Suffix)!;
            using var checkedStream = new ChecksumStream(entry.Open());
            var tensor = NpyFile.Read(checkedStream, entry.Length, $"{path} ({name})");
            if (checkedStream.Value == entry.Crc32) return tensor;
            tensor.Dispose();
            throw new InvalidDataException($"{path}: the checksum of array '{name}' does not match. The archive is damaged.");
        });
    }

    /// <summary>Writes arrays, uncompressed as <c>numpy.savez</c> does, atomically.</summary>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> arrays)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        Write(path, arrays.Keys, name => arrays[name].alias());
    }

    /// <summary>Writes arrays that are made one at a time and disposed when written.</summary>
    internal static void Write(string path, IEnumerable<string> names, Func<string, Tensor> make)
        => AtomicFile.Write(path, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach (var name in names)
            {
                var entry = archive.CreateEntry(name + Suffix, CompressionLevel.NoCompression);
                using var target = entry.Open();
                using var tensor = make(name);
                NpyFile.Write(target, tensor);
            }
        });

    internal static T Open<T>(string path, Func<ZipArchive, T> work)
    {
        using var stream = File.OpenRead(path);
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            return work(archive);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or NotSupportedException or ArgumentOutOfRangeException
            or OverflowException
            && !e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException(
                $"{path}: not a readable zip archive, which .npz and .pt files are: {e.Message.Split('\n')[0]}", e);
        }
    }

    // .NET does not compare an entry's checksum.
    private sealed class ChecksumStream(Stream inner) : Stream
    {
        private uint _running = uint.MaxValue;

        public uint Value => ~_running;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var got = inner.Read(buffer);
            _running = Crc32.Add(_running, buffer[..got]);
            return got;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
