using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// Sounds that are made here: melodies of a few notes with overtones, decaying or held, over a little noise. Needs no file; the same seed
/// gives the same sounds.
/// </summary>
[Part("tones")]
public sealed record ToneData : DataSource
{
    /// <summary>Samples per second.</summary>
    public int Rate { get; init; } = 8000;

    /// <summary>Samples of a piece.</summary>
    public int Length { get; init; } = 4096;

    /// <summary>Pieces.</summary>
    public int Count { get; init; } = 1024;

    /// <summary>Seed of the melodies.</summary>
    public ulong Seed { get; init; }

    /// <summary>How the pieces are divided.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (!use.TakesSounds)
            throw new DataMismatchException(
                "tones: this task learns no sounds; a tokenizer of signals does (model.architecture=signal-vq-vae).");
        var values = new float[checked(Count * Length)];
        Parallel.For(0, Count, i => Melody(SplitMix64.ForIndex(Seed, (ulong)i), Rate, values.AsSpan(i * Length, Length)));
        var facts = new DataFacts
        {
            Name = "tones",
            Shape = [1, Length],
            Sound = new SoundFacts { Rate = Rate, Channels = 1, Length = Length }
        };
        using var inputs = tensor(values, [Count, 1, Length]);
        return DataSplit.FromTensors(facts, inputs, null, Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Rate, 1000, 192_000)
        .Within(Length, 16, 1 << 22)
        .Within(Count, 3, 1 << 20)
        .Must((long)Count * Length <= 1 << 29, (long)Count * Length, "at most 2^29 samples in all",
            "They lie in memory: use fewer or shorter pieces.", nameof(Count))
        .Nested(Split);

    /// <summary>A sound of that length: two to five notes between 110 and 880 Hz, each with up to six overtones.</summary>
    internal static void Melody(SplitMix64 stream, int rate, Span<float> sound)
    {
        sound.Clear();
        var notes = 2 + stream.NextInt32(4);
        for (var n = 0; n < notes; n++)
        {
            var pitch = 110 * Math.Pow(2, stream.NextInt32(37) / 12.0);
            var (start, loudness) = (stream.NextInt32(sound.Length * 3 / 4), 0.1 + (0.25 * stream.NextDouble()));
            var decay = stream.NextDouble() < 0.5 ? 3 + (9 * stream.NextDouble()) : 0;
            for (var overtone = 1; overtone <= 6 && pitch * overtone < rate * 0.45; overtone++)
            {
                var (strength, phase) = (loudness * Math.Pow(0.3 + (0.4 * stream.NextDouble()), overtone - 1),
                    2 * Math.PI * stream.NextDouble());
                for (var i = start; i < sound.Length; i++)
                {
                    var time = (double)(i - start) / rate;
                    // The first hundredth of a second fades in: a note has no click.
                    sound[i] +=
                        (float)(strength * Math.Min(1, time * 100) * Math.Exp(-decay * time)
                            * Math.Sin((2 * Math.PI * pitch * overtone * time) + phase));
                }
            }
        }
        for (var i = 0; i < sound.Length; i++) sound[i] = Math.Clamp(sound[i] + (float)(0.003 * stream.NextNormal()), -1, 1);
    }
}
