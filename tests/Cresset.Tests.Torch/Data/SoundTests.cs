using System.Buffers.Binary;
using Cresset.Data;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

public sealed class SoundTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sound").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(WavSample.Pcm8, 1.0 / 128)]
    [InlineData(WavSample.Pcm16, 1.0 / 32768)]
    [InlineData(WavSample.Pcm24, 1.0 / 8388608)]
    [InlineData(WavSample.Pcm32, 1.0 / 16777216)]
    [InlineData(WavSample.Float32, 0)]
    [InlineData(WavSample.Float64, 0)]
    public void WhatIsWrittenIsReadWithinHalfAStepAndThenBitForBit(WavSample sample, double step)
    {
        var facts = new WavFacts(8000, 2, 301, sample);
        var samples = Sine(301, 0.05).Concat(Sine(301, 0.11)).ToArray();
        samples[3] = 1;
        samples[5] = -1;
        var path = Write("a.wav", facts, samples);
        float[] back;
        using (var reader = WavReader.Open(path))
        {
            Assert.Equal(facts, reader.Facts);
            back = reader.Read(0, 301);
            for (var i = 0; i < back.Length; i++)
                Assert.True(Math.Abs(back[i] - samples[i]) <= step * (samples[i] == 1 ? 1 : 0.5) + 1e-7,
                    $"{i}: {samples[i]} became {back[i]}");
            // Any part is that of the whole.
            Assert.Equal(back[100..110].Concat(back[401..411]), reader.Read(100, 10));
        }
        Write("b.wav", facts, back);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(_folder, "b.wav")));
    }

    [Fact]
    public void OtherPartsTheLongFormOfTheFormatAndPipesThatKnowNoLengthAreRead()
    {
        var plain = File.ReadAllBytes(Write("a.wav", new WavFacts(16000, 1, 50, WavSample.Pcm16), Sine(50, 0.1)));
        byte[] extra = [.. "LIST"u8, 3, 0, 0, 0, 1, 2, 3, 0];
        byte[] wide = [.. plain[..16], 40, 0, 0, 0, 0xFE, 0xFF, .. plain[22..36], 22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80,
            0, 0, 0xAA, 0, 0x38, 0x9B, 0x71, .. extra, .. plain[36..]];
        var unknown = (byte[])wide.Clone();
        unknown.AsSpan(wide.Length - 104, 4).Fill(0xFF);
        foreach (var (name, bytes) in new[] { ("wide.wav", wide), ("pipe.wav", unknown) })
        {
            File.WriteAllBytes(Path.Combine(_folder, name), bytes);
            using var reader = WavReader.Open(Path.Combine(_folder, name));
            using var first = WavReader.Open(Path.Combine(_folder, "a.wav"));
            Assert.Equal(first.Facts, reader.Facts);
            Assert.Equal(first.Read(0, 50), reader.Read(0, 50));
        }
    }

    [Fact]
    public void MutatedFilesAreRefusedWithTheirNameOrRead()
    {
        var whole = File.ReadAllBytes(Write("a.wav", new WavFacts(16000, 2, 20, WavSample.Float32), Sine(40, 0.1)));
        var path = Path.Combine(_folder, "m.wav");
        ReaderFuzz.Run(whole, 400, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using var reader = WavReader.Open(path);
            reader.Read(0, (int)Math.Min(reader.Facts.Frames, 1000));
        });
    }

    [Theory]
    [InlineData(44100, 16000)]
    [InlineData(8000, 24000)]
    [InlineData(48000, 44100)]
    public void AToneAtAnotherRateIsTheToneInPiecesAndAsAWhole(int from, int to)
    {
        const double Hertz = 440;
        var count = from / 4;
        var samples = Enumerable.Range(0, count).Select(i => (float)(0.5 * Math.Sin(2 * Math.PI * Hertz * i / from))).ToArray();
        var path = Write("tone.wav", new WavFacts(from, 1, count, WavSample.Float32), samples);
        using var source = SoundSource.Open(path, to);
        Assert.Equal(((long)count * to + from - 1) / from, source.Frames);
        var whole = source.Read(0, (int)source.Frames);
        for (var i = 200; i < whole.Length - 200; i++) Assert.Equal(0.5 * Math.Sin(2 * Math.PI * Hertz * i / to), whole[i], 2e-4);
        var pieces = Enumerable.Range(0, 10).SelectMany(p => source.Read(p * 317, 317)).ToArray();
        Assert.Equal(whole[..3170], pieces);
        Assert.Equal(whole, new SoundRate(from, to).Apply(samples, whole.Length));
    }

    [Fact]
    public void AFolderOfSoundsIsCutInPiecesAndWhatWasChangedOrLeftOutIsSaid()
    {
        for (var i = 0; i < 6; i++)
            Write($"s{i}.wav", new WavFacts(i == 0 ? 16000 : 8000, i == 1 ? 2 : 1, i == 2 ? 40 : 1000, WavSample.Pcm16),
                Sine(i == 2 ? 40 : i == 1 ? 2000 : 1000, 0.1));
        File.WriteAllText(Path.Combine(_folder, "notes.txt"), "no sound");
        using var data = new AudioData
        {
            Path = _folder,
            Rate = 8000,
            Length = 256,
            Split = new ShareSplit { Validation = 0.2, Test = 0.2 }
        }.Open(new DataUse(TargetKind.None, TakesSounds: true));
        var notes = string.Join('\n', data.Notes);
        Assert.Contains("resampled to 8000 Hz: 1 file (s0.wav)", notes, StringComparison.Ordinal);
        Assert.Contains("brought to 1 channel: 1 file (s1.wav)", notes, StringComparison.Ordinal);
        Assert.Contains("s2.wav", notes, StringComparison.Ordinal);
        Assert.Contains("notes.txt", notes, StringComparison.Ordinal);
        Assert.Equal(new SoundFacts { Rate = 8000, Channels = 1, Length = 256 }, DataFacts.Parse(data.Facts.ToJson(), "x").Sound);
        using var scope = NewDisposeScope();
        foreach (var part in new[] { data.Train, data.Validation!, data.Test! })
            Assert.Equal([part.Count, 1L, 256], part.Take(1000).Inputs.shape);
        // Pieces move with the epoch, and are the same for the same one.
        var request = new BatchRequest([0, 1, 2], 5, 0);
        var (first, again, later) = (data.Train.Prepare(request).ToBatch().Inputs, data.Train.Prepare(request).ToBatch().Inputs,
            data.Train.Prepare(request with { Epoch = 1 }).ToBatch().Inputs);
        Assert.True(first.eq(again).all().ToBoolean());
        Assert.False(first.eq(later).all().ToBoolean());
        Assert.Contains("signal-vq-vae",
            Assert.Throws<DataMismatchException>(
                () => new AudioData { Path = _folder }.Open(new DataUse(TargetKind.None, NeedsPictures: true))).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void APathToAFolderOfSoundsAloneIsASourceOfSounds()
    {
        Assert.IsType<FolderData>(DataSource.FromText(_folder));
        Write("a.wav", new WavFacts(8000, 1, 10, WavSample.Pcm16), Sine(10, 0.05));
        Assert.IsType<AudioData>(DataSource.FromText(_folder));
        File.WriteAllBytes(Path.Combine(_folder, "cover.PNG"), []);
        Assert.IsType<FolderData>(DataSource.FromText(_folder));
    }

    [Fact]
    public void ASingleFileIsDividedInItsPieces()
    {
        var path = Write("one.wav", new WavFacts(8000, 1, 5000, WavSample.Pcm16), Sine(5000, 0.1));
        using var data = new AudioData { Path = path, Length = 256 }.Open(new DataUse(TargetKind.None, TakesSounds: true));
        Assert.Equal(20, data.Train.Count + data.Validation!.Count + data.Test!.Count);
        Assert.Equal(8000, data.Facts.Sound!.Rate);
    }

    [Fact]
    public void MelodiesAreMadeAlikeByAnyNumberOfThreads()
    {
        using var scope = NewDisposeScope();
        var use = new DataUse(TargetKind.None, TakesSounds: true);
        using var data = new ToneData { Count = 40, Length = 512 }.Open(use);
        using var again = new ToneData { Count = 40, Length = 512 }.Open(use);
        var sounds = data.Train.Take(100).Inputs;
        Assert.True(sounds.eq(again.Train.Take(100).Inputs).all().ToBoolean());
        Assert.InRange(sounds.std().ToDouble(), 0.02, 0.5);
        Assert.True(sounds.abs().max().ToDouble() <= 1);
    }

    private static float[] Sine(int count, double step) => [.. Enumerable.Range(0, count).Select(i => (float)(0.7 * Math.Sin(i * step)))];

    private string Write(string name, WavFacts facts, float[] samples)
    {
        var path = Path.Combine(_folder, name);
        WavWriter.Write(path, facts, [samples]);
        return path;
    }
}
