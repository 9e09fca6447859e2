using System.Globalization;
using Cresset.Data;
using Cresset.Quantization;

namespace Cresset.Recipes;

/// <summary>The sounds of a file of codes, for one tokenizer: names, what their files were like, and the codes of each.</summary>
public sealed class CodedSounds : IDisposable
{
    private const string FramesKey = "frames";
    private const string RateKey = "rate";
    private const string ChannelsKey = "channels";
    private const string SampleKey = "sample";
    private readonly CodeFile _file;

    private CodedSounds(CodeFile file) => _file = file;

    /// <summary>Names and what the files were like, in order.</summary>
    public IReadOnlyList<(string Name, WavFacts Facts)> Sounds { get; private set; } = [];

    /// <summary>What should be known before the sounds are believed.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>What an entry must say of a sound's file, so that it can be written again as it was.</summary>
    public static IReadOnlyDictionary<string, string> Attributes(WavFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return new Dictionary<string, string>
        {
            [FramesKey] = facts.Frames.ToString(CultureInfo.InvariantCulture),
            [RateKey] = facts.Rate.ToString(CultureInfo.InvariantCulture),
            [ChannelsKey] = facts.Channels.ToString(CultureInfo.InvariantCulture),
            [SampleKey] = facts.Sample.ToString(),
        };
    }

    /// <summary>Opens a file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, its codes are not those of this tokenizer, it holds no sounds, or a name
    /// in it leads out of the folder.</exception>
    public static CodedSounds Open(string path, TokenizerRun tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (PackedCodes.IsEarlierFile(path)) throw new InvalidDataException($"{path} is of version 0.1, which had no sounds.");
        var sounds = new CodedSounds(CodeFile.Open(path));
        try
        {
            sounds.Check(path, tokenizer);
            return sounds;
        }
        catch
        {
            sounds.Dispose();
            throw;
        }
    }

    /// <summary>The codes of a sound, stages innermost.</summary>
    public long[] Read(int number) => _file.Read(number);

    /// <summary>Samples of each channel at a tokenizer's rate.</summary>
    public static long FramesAt(WavFacts facts, int rate)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts.Rate == rate ? facts.Frames : new SoundRate(facts.Rate, rate).LengthOf(facts.Frames);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Check(string path, TokenizerRun tokenizer)
    {
        if (!_file.CodebookSizes.SequenceEqual(tokenizer.CodebookSizes))
            throw new InvalidDataException(
                $"{path} holds codes of codebooks [{string.Join(", ", _file.CodebookSizes)}] made by '{_file.Tokenizer}'; {tokenizer.Id} "
                    + $"has [{string.Join(", ", tokenizer.CodebookSizes)}].");
        if (_file.Tokenizer.Length > 0 && _file.Tokenizer != tokenizer.Id)
            Notes = [$"{path} was made by {_file.Tokenizer}, not {tokenizer.Id}: the sounds may be nonsense."];
        var codec = new SoundCodec(tokenizer);
        var sounds = new List<(string, WavFacts)>();
        foreach (var entry in _file.Entries)
        {
            var facts = Facts(path, entry);
            // The length decides how much is decoded: it must be that of the codes.
            var positions = tokenizer.PositionsOf(FramesAt(facts, tokenizer.Rate));
            if (entry.Maps != codec.MapsOf(facts.Channels) || !entry.MapShape.SequenceEqual([positions]))
                throw new InvalidDataException(
                    $"{path}: '{entry.Name}' has codes [{string.Join(", ", entry.Shape)}]; a sound of {facts.Frames} samples at "
                        + $"{facts.Rate} Hz with {facts.Channels} channels has [{codec.MapsOf(facts.Channels)}, {positions}] with "
                        + $"{tokenizer.Id}.");
            sounds.Add((CodedPictures.Inside(path, entry.Name), facts));
        }
        Sounds = sounds;
    }

    private static WavFacts Facts(string path, CodeEntry entry)
    {
        if (!entry.Attributes.ContainsKey(FramesKey))
            throw new InvalidDataException(
                $"{path}: '{entry.Name}' does not say that it is a sound; a tokenizer of pictures may have made it.");
        long Number(string key, long most) =>
            entry.Attributes.TryGetValue(key, out var text)
                && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : throw new InvalidDataException(
                $"{path}: '{key}' of '{entry.Name}' is \"{entry.Attributes.GetValueOrDefault(key)}\"; expected 1 to {most}.");
        if (!entry.Attributes.TryGetValue(SampleKey, out var sample) || !Enum.GetNames<WavSample>().Contains(sample))
            throw new InvalidDataException(
                $"{path}: the samples of '{entry.Name}' are \"{entry.Attributes.GetValueOrDefault(SampleKey)}\"; expected one of "
                    + $"{string.Join(", ", Enum.GetNames<WavSample>())}.");
        return new WavFacts((int)Number(RateKey, 10_000_000), (int)Number(ChannelsKey, 256), Number(FramesKey, 1L << 40),
            Enum.Parse<WavSample>(sample));
    }
}
