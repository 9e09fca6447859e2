using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Recipes;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class FineTuneTests : IDisposable
{
    private static readonly string Folder = Reference.PathOf("tiny_sd3");

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sd3-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void CacheHoldsWhatTheEncodersSay()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var path = Path.Combine(_folder, "cache.safetensors");
        var generator = new Generator(1);
        Tensor[] pictures = [rand([1, 3, 32, 32], generator: generator).DetachFromDisposeScope(),
            rand([1, 3, 32, 32], generator: generator).DetachFromDisposeScope(),
            rand([1, 3, 32, 32], generator: generator).DetachFromDisposeScope()];
        using var second = model.Vae.Encode((pictures[1] * 2) - 1);
        TrainingCache.Build(model, pictures, ["a cat", "a dog", "a cat"], path, t5Length: 16);
        using var cache = TrainingCache.Open(path);
        Assert.Equal((3L, 3L), (cache.Count, cache.Context.size(0)));
        Assert.Equal([1L, 2, 1], cache.Caption.data<long>().ToArray());
        Reference.Close(second.Mean, cache.Mean.narrow(0, 1, 1), 1e-6, "mean");
        using var cat = model.Text.Encode("a cat", t5Length: 16);
        using var empty = model.Text.Encode("", t5Length: 16);
        Reference.Close(cat.Context, cache.Context.narrow(0, 1, 1), 1e-6, "caption");
        Reference.Close(empty.Pooled, cache.Pooled.narrow(0, 0, 1), 1e-6, "empty caption");
        var (latents, context, _) = cache.Draw(tensor([0L, 2]), model.Vae.Options, 1, new Generator(3));
        Assert.Equal([2L, 16, 4, 4], latents.shape);
        Reference.Close(empty.Context.expand(2, -1, -1), context, 1e-6, "all captions dropped");
        Assert.Throws<InvalidDataException>(() => TrainingCache.Open(Reference.PathOf("text_io.safetensors")));
    }

    [Fact]
    public void AStaleCacheIsMadeAnew()
    {
        var pictures = Path.Combine(_folder, "pictures");
        Directory.CreateDirectory(pictures);
        void Draw(string name, float value) =>
            File.WriteAllBytes(Path.Combine(pictures, name + ".png"),
                Cresset.Plots.Picture.FromPlanes([.. Enumerable.Repeat(value, 3 * 32 * 32)], 3, 32, 32).ToPng());
        Draw("a", 0.2f);
        Draw("b", 0.7f);
        File.WriteAllText(Path.Combine(pictures, "a.txt"), "a cat");
        var options = new Sd3FineTuneOptions { Checkpoint = Folder, Pictures = pictures, Size = 32, T5Length = 8 };
        var cache = Path.Combine(pictures, "cache.safetensors");
        byte[] Cached(Sd3FineTuneOptions o)
        {
            using (new Sd3FineTuneTask(o, 1)) return File.ReadAllBytes(cache);
        }
        var before = Cached(options);
        File.SetLastWriteTimeUtc(cache, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal(before, Cached(options));
        Assert.Equal(2020, File.GetLastWriteTimeUtc(cache).Year);
        // Each thing that the values are made from, alone.
        var seen = new List<byte[]> { before };
        void Changes(string what, Sd3FineTuneOptions o)
        {
            var now = Cached(o);
            Assert.False(seen.Any(s => s.AsSpan().SequenceEqual(now)), what);
            seen.Add(now);
        }
        Draw("c", 0.5f);
        Changes("a picture more", options);
        Draw("b", 0.9f);
        Changes("another picture of the same name", options);
        File.WriteAllText(Path.Combine(pictures, "a.txt"), "a dog");
        Changes("a caption", options);
        Changes("the size", options with { Size = 48 });
        Changes("the tokens", options with { T5Length = 9 });
        Changes("the encoders", options with { NoT5 = true });
    }

    [Fact]
    public void TransparentPixelsAreWhiteAndPicturesWithoutACaptionAreNamed()
    {
        float[] Cached(string name, byte[] rgba)
        {
            var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
            File.WriteAllBytes(Path.Combine(folder, "a.png"), new Cresset.Plots.Picture(32, 32, rgba).ToPng());
            using var task = new Sd3FineTuneTask(
                new Sd3FineTuneOptions { Checkpoint = Folder, Pictures = folder, Size = 32, T5Length = 8 }, 1);
            Assert.Contains("a.png", Assert.Single(task.Notes), StringComparison.Ordinal);
            using var file = SafetensorsFile.Open(Path.Combine(folder, "cache.safetensors"));
            using var scope = NewDisposeScope();
            return file.Read("mean").data<float>().ToArray();
        }
        byte[] Pixels(byte[] one) => [.. Enumerable.Repeat(one, 32 * 32).SelectMany(p => p)];
        Assert.Equal(Cached("white", Pixels([255, 255, 255, 255])), Cached("clear", Pixels([0, 90, 0, 0])));
    }

    [Fact]
    public void TrainingWithoutAnEncoderIsNeverByMistake()
    {
        var single = Path.Combine(_folder, "single.safetensors");
        ModelConversion.ToSingleFile(Folder, single);
        File.WriteAllBytes(Path.Combine(_folder, "a.png"), Cresset.Plots.Picture.FromPlanes(new float[3 * 32 * 32], 3, 32, 32).ToPng());
        var options = new Sd3FineTuneOptions
        {
            Checkpoint = single,
            Pictures = _folder,
            Size = 32,
            T5Length = 8,
            ClipLTokenizer = Path.Combine(Folder, "tokenizer"),
            ClipGTokenizer = Path.Combine(Folder, "tokenizer_2")
        };
        var error = Assert.Throws<InvalidDataException>(() => new Sd3FineTuneTask(options, 1));
        Assert.Contains("model.t5_tokenizer", error.Message, StringComparison.Ordinal);
        Assert.Contains("model.no_t5=true", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        using (new Sd3FineTuneTask(options with { NoT5 = true }, 1))
        using (new Sd3FineTuneTask(options with { T5Tokenizer = Path.Combine(Folder, "tokenizer_3", "spiece.model") }, 1))
            Assert.True(File.Exists(Path.Combine(_folder, "cache.safetensors")));
        Assert.Throws<DirectoryNotFoundException>(
            () => new Sd3FineTuneTask(options with { Checkpoint = "nowhere", Pictures = Path.Combine(_folder, "none") }, 1));
    }

    [Fact]
    public void LoraLearnsAndItsAdapterGivesTheSameNetwork()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var generator = new Generator(6);
        Tensor x0 = randn([4, 16, 4, 4], generator: generator), noise = randn([4, 16, 4, 4], generator: generator),
            context = randn([4, 20, 48], generator: generator), pooled = randn([4, 40], generator: generator),
            sigmas = tensor([0.2f, 0.4f, 0.6f, 0.8f]);
        var before = StateDict.Of(model.Transformer).ToDictionary(p => p.Key, p => p.Value.clone());
        using var lora = new TrainableLora(model.Transformer, 2, null, generator);
        using var optimizer = new Optimizer(lora, new AdamWRule { LearningRate = 2e-2 });
        var losses = new List<float>();
        for (var i = 0; i < 30; i++)
        {
            using var inner = NewDisposeScope();
            optimizer.ZeroGrad();
            var loss = RectifiedFlowLoss.At(model.Transformer, x0, noise, sigmas, context, pooled, new RectifiedFlowOptions());
            loss.backward();
            optimizer.Step();
            losses.Add(loss.item<float>());
        }
        Assert.True(losses[^1] < losses[0] * 0.98, $"{losses[0]} to {losses[^1]}");
        foreach (var (key, value) in StateDict.Of(model.Transformer)) Assert.True(value.SameAs(before[key]), key);
        using var noGrad = no_grad();
        var trained = model.Transformer.call(x0, sigmas * 1000, context, pooled);
        var path = Path.Combine(_folder, "lora.safetensors");
        using (var adapter = lora.ToAdapter("trained")) adapter.Save(path);
        using var plain = StableDiffusion3.Load(Folder);
        using var loaded = LoraAdapter.Load(path);
        loaded.Merge(plain.Transformer);
        Reference.Close(trained, plain.Transformer.call(x0, sigmas * 1000, context, pooled), 1e-4, "merged");
    }

    [Fact]
    public void EncodersAreDroppedOneByOne()
    {
        using var scope = NewDisposeScope();
        Tensor context = ones(400, 80, 10), pooled = ones(400, 7);
        var (words, both) = EncoderDropout.Apply(context, pooled, 3, 4, 0.464, new Generator(2));
        Tensor l = words[.., 0, 0], g = words[.., 0, 3], t = words[.., 79, 0];
        foreach (var kept in new[] { l, g, t }) Assert.InRange(kept.mean().item<float>(), 0.45, 0.62);
        Assert.True(l.SameAs(both[.., 0]) && g.SameAs(both[.., 6]));
        Assert.InRange((1 - l).mul(1 - g).mul(1 - t).mean().item<float>(), 0.05, 0.16);
        Assert.Equal(1, words.narrow(1, 0, 77).narrow(2, 7, 3).min().item<float>());
    }

    [Fact]
    public void TinyDecoderReadsBothLayouts()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var made = new TinyDecoder(new WeightPlace(Generator: new Generator(1)));
        var z = randn([1, 16, 4, 6], generator: new Generator(2));
        var expected = made.call(z);
        Assert.Equal([1L, 3, 32, 48], expected.shape);
        var state = StateDict.Of(made);
        var folder = Path.Combine(_folder, "folder.safetensors");
        SafetensorsWriter.Write(folder, state.ToDictionary(p => "decoder." + p.Key, p => p.Value));
        var original = Path.Combine(_folder, "original.safetensors");
        SafetensorsWriter.Write(original,
            state.ToDictionary(p => (int.Parse(p.Key.Split('.')[1]) + 1) + "." + string.Join('.', p.Key.Split('.').Skip(2)), p => p.Value));
        foreach (var path in new[] { folder, original })
        {
            using var loaded = TinyDecoder.Load(path);
            Assert.True(loaded.call(z).SameAs(expected));
        }
    }
}
