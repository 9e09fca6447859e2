using System.Buffers.Binary;
using System.Text;

namespace Cresset.Native.Loading;

/// <summary>
/// The symbol versions that an ELF64 little-endian shared object demands of other libraries.
/// Reads through program headers only, as the dynamic loader does.
/// </summary>
internal sealed class ElfVersionNeeds
{
    private const uint PtLoad = 1, PtDynamic = 2;
    private const long DtStrtab = 5, DtSymtab = 6, DtGnuHash = 0x6ffffef5, DtVersym = 0x6ffffff0, DtVerneed = 0x6ffffffe,
        DtVerneednum = 0x6fffffff;
    private const ushort WeakFlag = 2;

    private readonly byte[] _image;
    private readonly List<(ulong Address, ulong Offset, ulong Size)> _segments = [];
    private readonly Dictionary<long, ulong> _dynamic = [];

    public ElfVersionNeeds(byte[] image)
    {
        _image = image;
        if (image.Length < 64 || image[0] != 0x7f || image[1] != 'E' || image[2] != 'L' || image[3] != 'F' || image[4] != 2
            || image[5] != 1)
            throw new InvalidDataException("Not a 64-bit little-endian ELF file.");
        var tableOffset = (long)U64(32);
        int entrySize = U16(54), count = U16(56);
        (long Offset, long Size) dynamic = default;
        for (var i = 0; i < count; i++)
        {
            var header = tableOffset + ((long)i * entrySize);
            var type = U32(header);
            if (type == PtLoad) _segments.Add((U64(header + 16), U64(header + 8), U64(header + 32)));
            if (type == PtDynamic) dynamic = ((long)U64(header + 8), (long)U64(header + 32));
        }
        for (var entry = dynamic.Offset; entry + 16 <= dynamic.Offset + dynamic.Size; entry += 16)
        {
            var tag = (long)U64(entry);
            if (tag == 0) break;
            _dynamic[tag] = U64(entry + 8);
        }
    }

    /// <summary>
    /// Marks the need for <paramref name="version"/> of <paramref name="library"/> as weak, so that the loader accepts a library without
    /// it. Done only when <paramref name="onlySymbol"/> is the single undefined symbol of that version:
    /// with any other symbol behind it, weakness would turn a clear load error into a crash at call time.
    /// </summary>
    public WeakenResult Weaken(string library, string version, string onlySymbol)
    {
        if (FindNeed(library, version) is not { } need) return WeakenResult.NotNeeded;
        var symbols = UndefinedSymbolsOf(U16(need + 6));
        if (symbols.Count != 1 || symbols[0] != onlySymbol) return WeakenResult.OtherSymbolsDependOnIt;
        var flags = (ushort)(U16(need + 4) | WeakFlag);
        BinaryPrimitives.WriteUInt16LittleEndian(_image.AsSpan((int)need + 4), flags);
        return WeakenResult.Weakened;
    }

    private long? FindNeed(string library, string version)
    {
        if (!_dynamic.TryGetValue(DtVerneed, out var address) || !_dynamic.TryGetValue(DtVerneednum, out var libraries)) return null;
        var entry = OffsetOf(address);
        for (ulong i = 0; i < libraries; i++)
        {
            int versions = U16(entry + 2);
            var name = Name(U32(entry + 4));
            var aux = entry + U32(entry + 8);
            for (var j = 0; j < versions; j++)
            {
                if (name == library && Name(U32(aux + 8)) == version) return aux;
                aux += U32(aux + 12);
            }
            var next = U32(entry + 12);
            if (next == 0) break;
            entry += next;
        }
        return null;
    }

    private List<string> UndefinedSymbolsOf(ushort versionIndex)
    {
        var found = new List<string>();
        long symbols = OffsetOf(_dynamic[DtSymtab]), versions = OffsetOf(_dynamic[DtVersym]);
        // The second word of the GNU hash table is the index of the first defined (hashed) symbol: undefined ones lie before it.
        var firstDefined = U32(OffsetOf(_dynamic[DtGnuHash]) + 4);
        for (uint i = 1; i < firstDefined; i++)
        {
            if ((U16(versions + (2L * i)) & 0x7fff) == versionIndex) found.Add(Name(U32(symbols + (24L * i))));
        }
        return found;
    }

    private string Name(uint index)
    {
        var start = (int)(OffsetOf(_dynamic[DtStrtab]) + index);
        var length = _image.AsSpan(start).IndexOf((byte)0);
        return Encoding.UTF8.GetString(_image, start, length);
    }

    private long OffsetOf(ulong address)
    {
        foreach (var (start, offset, size) in _segments)
        {
            if (address >= start && address < start + size) return (long)(address - start + offset);
        }
        throw new InvalidDataException($"Address 0x{address:x} lies in no loaded segment.");
    }

    private ushort U16(long at) => BinaryPrimitives.ReadUInt16LittleEndian(_image.AsSpan(checked((int)at)));

    private uint U32(long at) => BinaryPrimitives.ReadUInt32LittleEndian(_image.AsSpan(checked((int)at)));

    private ulong U64(long at) => BinaryPrimitives.ReadUInt64LittleEndian(_image.AsSpan(checked((int)at)));
}

/// <summary>Outcome of <see cref="ElfVersionNeeds.Weaken"/>.</summary>
internal enum WeakenResult
{
    /// <summary>The file does not demand that version.</summary>
    NotNeeded,

    /// <summary>The demand is now weak.</summary>
    Weakened,

    /// <summary>Other symbols carry the version: nothing was changed.</summary>
    OtherSymbolsDependOnIt,
}
