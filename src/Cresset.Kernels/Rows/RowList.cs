using System.Runtime.InteropServices;

namespace Cresset.Kernels;

/// <summary>
/// Places of rows: as many as one result has taps, which the height of a picture decides, so that they do not lie on the stack.
/// </summary>
internal readonly unsafe ref struct RowList(int count)
{
    public float** Start { get; } = (float**)NativeMemory.Alloc((nuint)count, (nuint)sizeof(float*));

    public void Dispose() => NativeMemory.Free(Start);
}
