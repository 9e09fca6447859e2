using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// What oneDNN believes of the processor's caches. Where CPUID lists none it takes usual sizes; but on an AMD processor whose virtual
/// machine hides them, what it reads (ways, lines and sets, each one less than there are) comes to caches of one byte, and its convolutions
/// are cut into blocks of nothing. Told that no cache is listed, they are as right and as fast as on the bare machine. oneDNN has no option
/// for that, so the number of caches is set where it keeps it, in builds of libtorch that are known to the byte; of others nothing is
/// touched.
/// </summary>
internal static unsafe class CacheSizes
{
    // dnnl::impl::cpu::x64::cpu() returns what oneDNN knows of the processor: at +0x1c the bytes of each cache, at +0x6c how many there are
    // (read off dnnl::impl::cpu::platform::get_per_core_cache_size). Sizes below a page are none.
    private const int SizesAt = 0x1c, CountAt = 0x6c, MostCaches = 10, SmallestCache = 4096;

    // Of the package libtorch-cpu-linux-x64 2.10.0.
    private static readonly Dictionary<string, long> Builds = new() { ["e59a73f8ca02c19463bd923dc568ce765b2a1106"] = 0xf89b1a0 };

    /// <summary>Tells oneDNN of the libtorch in this process that no cache is listed, if it believes in caches of nothing.</summary>
    /// <returns>False where its numbers are not known; then nothing was touched.</returns>
    public static bool Forget()
    {
        if (Find() is not { } start || BuildId(start) is not { } build
            || !Builds.TryGetValue(build, out var at)) return false;
        var known = ((delegate* unmanaged[Cdecl]<nint>)(start + (nint)at))();
        var count = (int*)(known + CountAt);
        if (*count is < 0 or > MostCaches) return false;
        var sizes = new ReadOnlySpan<int>((void*)(known + SizesAt), *count);
        if (sizes.ContainsAnyInRange(int.MinValue, SmallestCache - 1)) *count = 0;
        return true;
    }

    // Where the file's first page, with its header and build id, lies in memory.
    private static nint? Find()
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/self/maps"))
            {
                // address-address rights offset device inode path
                var parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
                if (parts.Length == 6 && parts[1][0] == 'r' && parts[2].All(digit => digit == '0')
                    && Path.GetFileName(parts[5].Trim()) == "libtorch_cpu.so"
                    && nint.TryParse(parts[0].Split('-')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var start))
                    return start;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A system that does not tell.
        }
        return null;
    }

    // The note GNU/3 of a loaded ELF64 file. It may lie in any of its segments.
    private static string? BuildId(nint start)
    {
        const int load = 1, note = 4, page = 4096;
        var head = new ReadOnlySpan<byte>((void*)start, page);
        if (!head.StartsWith("\u007fELF\u0002\u0001"u8)) return null;
        var (table, count) = (BinaryPrimitives.ReadInt64LittleEndian(head[32..]), BinaryPrimitives.ReadUInt16LittleEndian(head[56..]));
        if (table is < 0 or > page || table + (count * 56) > page) return null;
        var segments = new List<(int Type, long Start, long Length)>();
        for (var i = 0; i < count; i++)
        {
            var at = head[((int)table + (i * 56))..];
            segments.Add((BinaryPrimitives.ReadInt32LittleEndian(at), BinaryPrimitives.ReadInt64LittleEndian(at[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(at[32..])));
        }
        foreach (var (type, from, length) in segments)
        {
            if (type != note || length is < 16 or > page
                || !segments.Exists(s => s.Type == load && from >= s.Start && from + length <= s.Start + s.Length)) continue;
            var bytes = new ReadOnlySpan<byte>((void*)(start + (nint)from), (int)length);
            while (bytes.Length > 16)
            {
                int name = BinaryPrimitives.ReadInt32LittleEndian(bytes), size = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
                if (name is < 0 or > page || size is < 0 or > page) break;
                int at = 12 + ((name + 3) & ~3), end = at + ((size + 3) & ~3);
                if (end > bytes.Length) break;
                if (BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) == 3 && bytes[12..].StartsWith("GNU\0"u8))
                    return Convert.ToHexStringLower(bytes.Slice(at, size));
                bytes = bytes[end..];
            }
        }
        return null;
    }
}
