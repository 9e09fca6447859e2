using System.Buffers.Binary;
using System.Text;

namespace Cresset.Native.Loading;

/// <summary>The bytes of a shared library (ELF, x86-64) with one exported function that jumps to an address.</summary>
internal static class OneFunctionLibrary
{
    private const int HashAt = 0x200, SymbolsAt = 0x240, NamesAt = 0x280, CodeAt = 0x300, DynamicAt = 0x1000;
    private const int SymbolSize = 24, Tags = 6, Length = DynamicAt + (Tags * 16);
    private const uint Readable = 4, Writable = 2, Executable = 1;

    public static byte[] Build(string function, nint target)
    {
        var image = new byte[Length];
        var name = Encoding.ASCII.GetBytes(function);
        if (name.Length > CodeAt - NamesAt - 2)
            throw new ArgumentException($"A name of {name.Length} bytes does not fit.", nameof(function));
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(image, 0);
        Short(16, 3); // a shared object
        Short(18, 62); // for x86-64
        Int(20, 1);
        Long(32, 64); // program headers follow
        Short(52, 64);
        Short(54, 56);
        Short(56, 4);
        Segment(0, type: 1, Readable | Executable, 0, DynamicAt);
        // The loader writes into the dynamic section.
        Segment(1, type: 1, Readable | Writable, DynamicAt, Tags * 16);
        Segment(2, type: 2, Readable | Writable, DynamicAt, Tags * 16);
        // Without this the stack would have to become executable.
        Segment(3, type: 0x6474e551, Readable | Writable, 0, 0);
        // One bucket with one symbol: bucket count, chain count, bucket, chain.
        Int(HashAt, 1);
        Int(HashAt + 4, 2);
        Int(HashAt + 8, 1);
        const int symbol = SymbolsAt + SymbolSize;
        Int(symbol, 1);
        image[symbol + 4] = 0x12; // global function
        Short(symbol + 6, 1);
        Long(symbol + 8, CodeAt);
        Long(symbol + 16, 12);
        name.CopyTo(image, NamesAt + 1);
        // mov rax, target; jmp rax
        (image[CodeAt], image[CodeAt + 1]) = (0x48, 0xB8);
        Long(CodeAt + 2, target);
        (image[CodeAt + 10], image[CodeAt + 11]) = (0xFF, 0xE0);
        var tags = new (int Tag, long Value)[] { (4, HashAt), (5, NamesAt), (6, SymbolsAt), (10, name.Length + 2), (11, SymbolSize),
            (0, 0) };
        for (var i = 0; i < tags.Length; i++)
        {
            Long(DynamicAt + (i * 16), tags[i].Tag);
            Long(DynamicAt + (i * 16) + 8, tags[i].Value);
        }
        return image;

        void Short(int at, int value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(at), (ushort)value);
        void Int(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);
        void Long(int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(image.AsSpan(at), value);
        void Segment(int index, uint type, uint flags, long offset, long size)
        {
            var at = 64 + (index * 56);
            Int(at, type);
            Int(at + 4, flags);
            Long(at + 8, offset);
            Long(at + 16, offset);
            Long(at + 24, offset);
            Long(at + 32, size);
            Long(at + 40, size);
            Long(at + 48, type == 1 ? 0x1000 : 16);
        }
    }
}
