using System.Runtime.InteropServices;

namespace Cresset.Nn;

/// <content>The rows that one thread works on.</content>
internal sealed unsafe partial class Reassembly
{
    /// <summary>Whole rows in the caches: far apart in memory, the columns of many planes at once would not stay there.</summary>
    private sealed class Memory : IDisposable
    {
        private readonly float* _block;

        public Memory(Reassembly shape)
        {
            long kept = (long)shape._kernel * shape._scale * shape._padded * shape._stride,
                staged = (long)Math.Max(shape.Taps, shape._padded) * shape._scale * shape._stride;
            var bytes = (nuint)((kept + 2 * staged) * sizeof(float));
            // Margins and the channels that fill up to four stay 0.
            _block = (float*)NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Clear(_block, bytes);
            Kept = _block;
            Staged = _block + kept + shape._margin;
            Results = _block + kept + staged;
            Held = new int[shape._kernel];
        }

        /// <summary>Rows around the present one, of all channels; s rows each when they hold gradients.</summary>
        public float* Kept { get; }

        /// <summary>Rows that are read for the present one only.</summary>
        public float* Staged { get; }

        /// <summary>Rows of results.</summary>
        public float* Results { get; }

        /// <summary>Which row of <see cref="Owner"/> each slot holds.</summary>
        public int[] Held { get; }

        /// <summary>The first channel of the unit that the rows come from.</summary>
        public nint Owner { get; set; }

        public void Dispose() => NativeMemory.AlignedFree(_block);
    }
}
