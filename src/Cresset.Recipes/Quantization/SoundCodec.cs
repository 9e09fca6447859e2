using Cresset.Data;
using Cresset.Quantization;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Sounds of any length to codes and back, piece by piece: each piece is taken with as much of its surroundings as the tokenizer sees, so
/// that the codes and the sound are those of the whole while memory is that of a piece (a tokenizer that sees everything, by an LSTM, gets
/// the sound uncut). What the stride needs is added as silence at the end, and taken off again.
/// </summary>
/// <remarks>A tokenizer of one channel codes each channel of a sound by itself.</remarks>
public sealed class SoundCodec
{
    private const int PieceSamples = 1 << 18;
    private readonly TokenizerRun _tokenizer;
    private readonly int _tile;

    /// <summary>Codes with a tokenizer of sounds, which stays the caller's.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="tile">Positions of a piece; 0 for pieces of about 260,000 samples.</param>
    /// <exception cref="ArgumentException">The tokenizer is one of pictures.</exception>
    public SoundCodec(TokenizerRun tokenizer, int tile = 0)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfNegative(tile);
        if (tokenizer.Rate == 0)
            throw new ArgumentException(
                $"{tokenizer.Id} is a tokenizer of pictures; sounds need one of sounds, such as a run of rvq-audio.", nameof(tokenizer));
        _tokenizer = tokenizer;
        _tile = tile > 0 ? tile : Math.Max(16, PieceSamples / tokenizer.Model.Strides[0]);
    }

    /// <summary>Opens a file at the tokenizer's rate, with the channels that it codes.</summary>
    public SoundSource Open(string path) => SoundSource.Open(path, _tokenizer.Rate, _tokenizer.Channels == 1 ? 0 : _tokenizer.Channels);

    /// <summary>
    /// Maps of codes that a sound of that many channels has: one per channel, or one for all that the tokenizer takes together.
    /// </summary>
    public int MapsOf(int channels) => _tokenizer.Channels == 1 ? channels : 1;

    /// <summary>Codes of a sound as <see cref="Open"/> gives it, stages innermost, and their shape [maps, positions].</summary>
    public (long[] Codes, long[] Shape) Encode(SoundSource sound, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sound);
        var positions = _tokenizer.PositionsOf(sound.Frames);
        int maps = MapsOf(sound.Channels), stages = _tokenizer.CodebookSizes.Count;
        var codes = new long[checked(maps * positions * stages)];
        var done = 0L;
        foreach (var piece in TokenizerTiles.EncodePieces(_tokenizer.Model, positions, _tile, Read))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var values = piece.cpu().contiguous().data<long>().ToArray();
            var each = values.Length / maps;
            for (var map = 0; map < maps; map++)
                values.AsSpan(map * each, each).CopyTo(codes.AsSpan((int)((map * positions * stages) + done)));
            done += each;
        }
        return (codes, [maps, positions]);

        Tensor Read(long first, int count) => tensor(sound.Read(first, count), [maps, sound.Channels / maps, count]);
    }

    /// <summary>A sound of codes, piece by piece: samples of each channel after one another, [channels * n].</summary>
    /// <param name="codes">As <see cref="Encode"/> gives them; -1 for a stage that was left out.</param>
    /// <param name="channels">Channels of the sound.</param>
    /// <param name="frames">Samples of each channel at the tokenizer's rate.</param>
    /// <exception cref="ArgumentException">A sound of that length has another number of codes.</exception>
    public IEnumerable<float[]> Decode(long[] codes, int channels, long frames)
    {
        ArgumentNullException.ThrowIfNull(codes);
        int maps = MapsOf(channels), stages = _tokenizer.CodebookSizes.Count;
        var positions = _tokenizer.PositionsOf(frames);
        if (codes.Length != maps * positions * stages)
            throw new ArgumentException(
                $"{codes.Length} codes; a sound of {frames} samples and {channels} channels takes {maps * positions * stages}.",
                nameof(codes));
        return Pieces();

        IEnumerable<float[]> Pieces()
        {
            using var all = tensor(codes, stages == 1 ? [maps, positions] : [maps, positions, stages]);
            var left = frames;
            foreach (var piece in TokenizerTiles.DecodePieces(_tokenizer.Model, all, _tile))
            {
                float[] samples;
                var count = (int)Math.Min(left, piece.size(2));
                using (NewDisposeScope())
                {
                    var sound = piece.narrow(2, 0, count).reshape(-1, count);
                    // A single channel that was doubled for the tokenizer is one again.
                    if (sound.size(0) != channels) sound = sound.mean([0], keepdim: true);
                    samples = sound.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
                }
                left -= count;
                yield return samples;
            }
        }
    }

    /// <summary>
    /// Signal-to-noise ratio in decibels of what codes give back, against the sound they are of: greater is nearer. Infinite where nothing
    /// differs.
    /// </summary>
    public double SignalToNoise(SoundSource sound, long[] codes)
    {
        ArgumentNullException.ThrowIfNull(sound);
        var (first, signal, noise) = (0L, 0.0, 0.0);
        foreach (var piece in Decode(codes, sound.Channels, sound.Frames))
        {
            var count = piece.Length / sound.Channels;
            var original = sound.Read(first, count);
            for (var i = 0; i < piece.Length; i++)
            {
                signal += (double)original[i] * original[i];
                var difference = (double)original[i] - piece[i];
                noise += difference * difference;
            }
            first += count;
        }
        return noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);
    }
}
