using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// Pieces of one length out of sounds: inputs float32 [N, C, L] in -1..1, without targets. Files are read when asked for, so that memory is
/// that of a batch.
/// </summary>
/// <param name="files">The files.</param>
/// <param name="frames">Their lengths at <paramref name="facts"/>' rate.</param>
/// <param name="facts">Rate, channels, length of a piece.</param>
/// <param name="moves">Whether pieces begin at random places, by seed, epoch and number; else one stands behind the other.</param>
internal sealed class SoundExamples(IReadOnlyList<string> files, IReadOnlyList<long> frames, SoundFacts facts, bool moves) : IDataset
{
    private readonly (int File,
        long First)[] _pieces = [.. files.Index().SelectMany(f => Starts(frames[f.Index], facts.Length).Select(first => (f.Index, first)))];

    /// <inheritdoc/>
    public int Count => _pieces.Length;

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var each = facts.Channels * facts.Length;
        var values = new float[checked(request.Indices.Count * each)];
        for (var i = 0; i < request.Indices.Count; i++)
        {
            var (file, first) = _pieces[request.Indices[i]];
            if (moves)
            {
                var room = Math.Max(0, frames[file] - facts.Length);
                var stream = SplitMix64.ForIndex(SplitMix64.ForIndex(request.Seed, (ulong)request.Epoch).Next(), (ulong)request.Indices[i]);
                first = Math.Clamp(first + (long)((stream.NextDouble() - 0.5) * facts.Length), 0, room);
            }
            using var source = SoundSource.Open(files[file], facts.Rate, facts.Channels);
            source.Read(first, facts.Length).CopyTo(values, i * each);
        }
        return new Prepared(values, [request.Indices.Count, facts.Channels, facts.Length]);
    }

    // The last piece ends with the sound; one that is shorter than a piece is filled up with silence.
    private static IEnumerable<long> Starts(long frames, int length)
    {
        if (frames <= length) return [0];
        var count = (frames + length - 1) / length;
        return Enumerable.Range(0, checked((int)count)).Select(i => Math.Min(i * (long)length, frames - length));
    }

    private sealed class Prepared(float[] values, long[] shape) : IPreparedBatch
    {
        public Batch ToBatch() => new(tensor(values, shape));
    }
}
