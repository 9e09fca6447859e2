using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Cresset.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

/// <summary>
/// Checkpoints that lie: refused in one line that names the fault, without running, recursing or allocating what they ask for.
/// </summary>
[LeakFree]
public sealed class PyTorchHostileTests : IDisposable
{
    private const string Storage = "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\0" + "0X\u0003\0\0\0cpuK\u0004tQ";
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-hostile-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("conj", "conjugate")]
    [InlineData("neg", "negated")]
    public void AViewWhoseNumbersHaveTheOtherSignInTheFileIsNotTaken(string bit, string kind)
    {
        // As PyTorch 2 saves x.conj().imag: the numbers of x.imag, and a word that they are to be negated.
        var pickle = "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + Storage
            + $"K\0K\u0003\u0085K\u0001\u0085\u0089N}}X{(char)bit.Length}\0\0\0{bit}\u0088stRs.";
        var path = Write([("a/data.pkl", Encoding.Latin1.GetBytes(pickle)), ("a/data/0", new byte[16])]);
        using var file = PyTorchFile.Open(path);
        Assert.StartsWith(kind, file.Entries["a"].TypeName, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => file.Map("a"));
    }

    [Theory]
    [InlineData("a call of a system function is left alone", "\u0080\u0002}X\u0001\0\0\0xcos\nsystem\nX\u0009\0\0\0touch pwn\u0085Rs.",
        null)]
    [InlineData("cut", "\u0080\u0002}", "STOP")]
    [InlineData("unknown instruction", "\u0080\u0002\u00ff.", "0xff is not known")]
    [InlineData("extension code", "\u0080\u0002\u0082\u0001.", "extension codes")]
    [InlineData("outside buffer", "\u0080\u0005\u0097.", "outside the pickle")]
    [InlineData("protocol", "\u0080\u0009.", "protocol 9")]
    [InlineData("huge text", "\u0080\u0002X\u00ff\u00ff\u00ff\u007f.", "are left")]
    [InlineData("huge bytes", "\u0080\u0004\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f.", "are left")]
    [InlineData("huge number", "\u0080\u0002\u008b\u00ff\u00ff\u00ff\u007f.", "at most 1024")]
    [InlineData("empty stack", "\u0080\u0002a.", "empty stack")]
    [InlineData("no mark", "\u0080\u0002t.", "needs a mark")]
    [InlineData("memo", "\u0080\u0002h\u0005.", "memo 5")]
    [InlineData("append to a number", "\u0080\u0002K\u0001K\u0002a.", "appends to a whole number")]
    [InlineData("key without value", "\u0080\u0002}(K\u0001u.", "without a value")]
    [InlineData("call of a number", "\u0080\u0002K\u0001)R.", "calls a whole number")]
    [InlineData("storage outside the list",
        "\u0080\u0002}X\u0001\0\0\0a(X\u0007\0\0\0storagectorch\nEvilStorage\nX\u0001\0\0\0" + "0X\u0003\0\0\0cpuK\u0004tQs.",
        "torch.EvilStorage is not known")]
    [InlineData("tensor beside its storage",
        "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + Storage + "K\u0002K\u0003\u0085K\u0001\u0085\u0089NtRs.",
        "outside its storage")]
    [InlineData("negative size",
        "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + Storage
            + "K\u0000J\u00ff\u00ff\u00ff\u00ff\u0085K\u0001\u0085\u0089NtRs.", "not a whole number")]
    [InlineData("a petabyte by broadcasting",
        "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + Storage
            + "K\u0000\u008a\u0006\u0000\u0000\u0000\u0000\u0000\u0001\u0085K\u0000\u0085\u0089NtRs.", "unfolds")]
    [InlineData("overflowing sizes",
        "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + Storage
            + "K\u0000\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u008a"
            + "\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u0086K\u0000K\u0000\u0086\u0089NtRs.", "2^58")]
    [InlineData("sizes that overflow beside a zero",
        "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + Storage
            + "K\u0000\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007fK\u0000\u0086K\u0000K\u0000\u0086\u0089NtRs.", "2^58")]
    [InlineData("record missing",
        "\u0080\u0002}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n("
            + "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0009\0\0\0../../etcX\u0003\0\0\0cpuK\u0004tQ"
            + "K\u0000K\u0001\u0085K\u0001\u0085\u0089NtRs.", "which is missing")]
    public void HostilePicklesAreRefused(string what, string pickle, string? fault)
    {
        var path = Write([("a/data.pkl", Encoding.Latin1.GetBytes(pickle)), ("a/data/0", new byte[16])]);
        if (fault is null)
        {
            using var file = PyTorchFile.Open(path);
            Assert.Equal(1, file.Unknown["os.system"]);
            Assert.False(File.Exists("touch pwn") || File.Exists("pwn"));
            return;
        }
        var error = Assert.Throws<InvalidDataException>(() => PyTorchFile.Open(path));
        Assert.True(error.Message.Contains(fault, StringComparison.Ordinal), $"{what}: {error.Message}");
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DeepAndSharedValuesEndInALineNotInARecursion()
    {
        // 300,000 nested dictionaries; then lists that each hold the one before twice, 2^60 values when unfolded.
        var deep = new StringBuilder("\u0080\u0002");
        for (var i = 0; i < 300_000; i++) deep.Append("}X\u0001\0\0\0a");
        deep.Append('N').Append('s', 300_000).Append('.');
        Assert.Contains("levels deep", Assert.Throws<InvalidDataException>(() => Opened(deep.ToString())).Message,
            StringComparison.Ordinal);
        var tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + Storage + "K\u0000K\u0001\u0085K\u0001\u0085\u0089NtRq\u0000";
        var bomb = new StringBuilder("\u0080\u0002" + tensor + "0]h\u0000aq\u0001");
        for (var i = 1; i < 60; i++) bomb.Append($"0]h{(char)i}ah{(char)i}aq{(char)(i + 1)}");
        bomb.Append('.');
        Assert.Contains("more than 300000 tensors", Assert.Throws<InvalidDataException>(() => Opened(bomb.ToString())).Message,
            StringComparison.Ordinal);
        // A list that holds itself.
        Assert.Contains("levels deep", Assert.Throws<InvalidDataException>(() => Opened("\u0080\u0002]q\u0000h\u0000a.")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AnOptimizerThatUnfoldsWithoutEndIsRefused()
    {
        // Lists that each hold the one before fifty times, seven deep, as a group and as a state.
        var bomb = new StringBuilder("\u0080\u0002K\u0001q\u00000");
        for (var i = 0; i < 7; i++)
        {
            bomb.Append("](");
            for (var n = 0; n < 50; n++) bomb.Append($"h{(char)i}");
            bomb.Append($"eq{(char)(i + 1)}0");
        }
        foreach (var (state, groups) in new[] { ("}", "]h\u0007a"), ("}K\u0000h\u0007s", "]") })
        {
            var pickle = $"{bomb}}}X\u0005\0\0\0state{state}sX\u000c\0\0\0param_groups{groups}s.";
            using var file = PyTorchFile.Open(Write([("a/data.pkl", Encoding.Latin1.GetBytes(pickle))]));
            Assert.Contains("unfolds to more than", Assert.Throws<InvalidDataException>(() => file.ReadOptimizer()).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CopiesOfCopiesDoNotGrow()
    {
        // One long list of pairs, given to OrderedDict ten thousand times: 100 million entries if each were a copy.
        var pickle = new StringBuilder("\u0080\u0002(");
        for (var i = 0; i < 10_000; i++) pickle.Append("K\u0001K\u0002\u0086");
        pickle.Append("lq\u00000(");
        for (var i = 0; i < 10_000; i++) pickle.Append("ccollections\nOrderedDict\nh\u0000\u0085R");
        pickle.Append("l.");
        Assert.Contains("more tensors or copies", Assert.Throws<InvalidDataException>(() => Opened(pickle.ToString())).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../data.pkl")]
    [InlineData("/a/data.pkl")]
    [InlineData("a/../../data.pkl")]
    [InlineData("a\\data.pkl")]
    public void NamesThatLeadOutOfTheArchiveAreRefused(string name)
        => Assert.Contains("leads out of the archive",
            Assert.Throws<InvalidDataException>(() => PyTorchFile.Open(Write([(name, "N."u8.ToArray())]))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void OtherArchivesAreNamed()
    {
        Assert.Contains("NumPy", Assert.Throws<NotSupportedException>(() => PyTorchFile.Open(Write([("x.npy", [1])]))).Message,
            StringComparison.Ordinal);
        Assert.Contains("2 records data.pkl",
            Assert.Throws<InvalidDataException>(
                () => PyTorchFile.Open(Write([("a/data.pkl", "N."u8.ToArray()), ("b/data.pkl", "N."u8.ToArray())]))).Message,
                StringComparison.Ordinal);
        Assert.Contains("big-endian",
            Assert.Throws<NotSupportedException>(
                () => PyTorchFile.Open(Write([("a/data.pkl", "N."u8.ToArray()), ("a/byteorder", "big"u8.ToArray())]))).Message,
                StringComparison.Ordinal);
        Assert.Contains("compressed",
            Assert.Throws<NotSupportedException>(
                () => PyTorchFile.Open(Write([("a/data.pkl", new byte[1000])], CompressionLevel.Optimal))).Message,
                StringComparison.Ordinal);
        var path = Write([("a/data.pkl", "N."u8.ToArray())]);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^30]);
        Assert.Contains("directory", Assert.Throws<InvalidDataException>(() => PyTorchFile.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllText(path, "<!DOCTYPE html><title>Sign in</title>");
        Assert.Contains("web page", Assert.Throws<InvalidDataException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllText(path, "version https://git-lfs.github.com/spec/v1\n");
        Assert.Contains("git lfs pull", Assert.Throws<InvalidDataException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes("\u0080\u0004N."));
        Assert.Contains("bare Python pickle", Assert.Throws<NotSupportedException>(() => TensorFile.Open(path)).Message,
            StringComparison.Ordinal);
    }

    // CRESSET_FUZZ_CASES makes it long; see tests/long.
    [Fact]
    public void MutatedFilesAreReadOrRefused()
    {
        var cases = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_FUZZ_CASES"), out var many) ? many : 1500;
        var originals =
            new[] { "pt26_layouts.pt", "pt26_layouts.legacy.pt", "pt26_training-adamw.pth", "pt113_ultralytics.pt",
                "pt26_types.legacy.pt" }.Select(n => File.ReadAllBytes(Repository.Reference("pytorch/" + n))).Append(TorchSharpState())
                .ToArray();
        var random = new Random(20261129);
        var path = Path.Combine(_folder, "mutated.pt");
        int opened = 0, refused = 0;
        for (var i = 0; i < cases; i++)
        {
            var bytes = (byte[])originals[i % originals.Length].Clone();
            var length = Mutate(bytes, random);
            File.WriteAllBytes(path, bytes[..length]);
            var before = GC.GetTotalAllocatedBytes();
            try
            {
                using var scope = NewDisposeScope();
                using var source = TensorFile.Open(path);
                foreach (var (key, entry) in source.Entries)
                {
                    Assert.True(entry.Length is >= 0 and <= 1 << 28);
                    if (entry.Length > 1 << 20 || entry.Dtype == SafetensorsDtype.Unknown) continue;
                    source.Read(key);
                }
                if (source is PyTorchFile { Optimizers.Count: 1 } file)
                {
                    foreach (var tensor in file.ReadOptimizer().Tensors.Values) tensor.Dispose();
                }
                opened++;
            }
            catch (Exception e) when (e is InvalidDataException or NotSupportedException or ArgumentException { ParamName: "section" })
            {
                refused++;
            }
            Assert.True(GC.GetTotalAllocatedBytes() - before < 200_000_000,
                $"case {i} allocated {GC.GetTotalAllocatedBytes() - before} bytes");
        }
        Assert.True(opened > cases / 20 && refused > cases / 20, $"{opened} opened, {refused} refused");
    }

    private byte[] TorchSharpState()
    {
        var path = Path.Combine(_folder, "net.dat");
        using var net = TorchSharp.torch.nn.Sequential(TorchSharp.torch.nn.Linear(3, 4), TorchSharp.torch.nn.BatchNorm1d(4));
        net.save(path);
        return File.ReadAllBytes(path);
    }

    private static int Mutate(byte[] bytes, Random random)
    {
        var length = bytes.Length;
        for (var n = random.Next(1, 5); n > 0; n--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes[at] = (byte)".()]}tRQqhKJXcbsu0e\u0080\u008a"[random.Next(21)]; break;
                case 3: length = random.Next(20) == 0 ? random.Next(bytes.Length) : length; break;
                case 4:
                    BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Math.Min(at, bytes.Length - 4)),
                    random.Next(4) switch { 0 => int.MaxValue, 1 => -1, 2 => 1 << 28, _ => random.Next() }); break;
                default:
                    var count = random.Next(1, Math.Min(40, bytes.Length - at) + 1);
                    bytes.AsSpan(random.Next(bytes.Length - count + 1), count).ToArray().CopyTo(bytes, at);
                    break;
            }
        }
        return length;
    }

    private PyTorchFile Opened(string pickle)
    {
        var file = PyTorchFile.Open(Write([("a/data.pkl", Encoding.Latin1.GetBytes(pickle)), ("a/data/0", new byte[16])]));
        file.Dispose();
        return file;
    }

    private string Write((string Name, byte[] Content)[] records, CompressionLevel level = CompressionLevel.NoCompression)
    {
        var path = Path.Combine(_folder, "hostile.pt");
        using var archive = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, content) in records)
        {
            using var stream = archive.CreateEntry(name, level).Open();
            stream.Write(content);
        }
        return path;
    }
}
