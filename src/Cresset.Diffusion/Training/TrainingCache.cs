using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Latents of pictures and embeddings of their captions, computed once and kept in one safetensors file, so that training needs neither
/// autoencoder nor text encoders in memory.
/// </summary>
public sealed class TrainingCache : IDisposable
{
    private const string FingerprintKey = "made_from";

    private TrainingCache(Tensor mean, Tensor logVariance, Tensor context, Tensor pooled, Tensor caption, string? fingerprint)
        => (Mean, LogVariance, Context, Pooled, Caption, Fingerprint) = (mean, logVariance, context, pooled, caption, fingerprint);

    /// <summary>Means of the latents, [N, C, h, w], unscaled.</summary>
    public Tensor Mean { get; }

    /// <summary>Logarithms of their variances.</summary>
    public Tensor LogVariance { get; }

    /// <summary>Token embeddings of the different captions; row 0 is the empty prompt, [U, T, D].</summary>
    public Tensor Context { get; }

    /// <summary>Pooled embeddings of the different captions, [U, P].</summary>
    public Tensor Pooled { get; }

    /// <summary>Which caption each picture has, [N].</summary>
    public Tensor Caption { get; }

    /// <summary>What it was made from (<see cref="FingerprintOf"/>); null in files of earlier versions.</summary>
    public string? Fingerprint { get; }

    /// <summary>Number of pictures.</summary>
    public long Count => Mean.size(0);

    /// <summary>Encodes pictures and captions and writes the file.</summary>
    /// <param name="model">The model whose encoders are used.</param>
    /// <param name="pictures">Pictures [1, 3, H, W] in 0..1, all of one size; each is disposed after use.</param>
    /// <param name="captions">One caption a picture.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="t5Length">Tokens for T5.</param>
    /// <param name="fingerprint">What the values are made from, kept in the file to tell a stale one.</param>
    /// <param name="cancellation">Stops between two pictures; no file is written then.</param>
    public static void Build(StableDiffusion3 model, IEnumerable<Tensor> pictures, IReadOnlyList<string> captions, string path,
        int t5Length = 77, string? fingerprint = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentNullException.ThrowIfNull(captions);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> means = [], variances = [], contexts = [], pooled = [];
        foreach (var picture in pictures)
        {
            cancellation.ThrowIfCancellationRequested();
            using (picture)
            using (var latent = model.Vae.Encode((picture * 2) - 1))
            {
                means.Add(latent.Mean.to(ScalarType.Float32).cpu().clone());
                variances.Add(latent.LogVariance.to(ScalarType.Float32).cpu().clone());
            }
        }
        if (means.Count != captions.Count)
            throw new ArgumentException($"There are {means.Count} pictures and {captions.Count} captions; give one caption a picture.",
                nameof(captions));
        if (means.Count == 0) throw new ArgumentException("There are no pictures to learn from.", nameof(pictures));
        var rows = new Dictionary<string, long>();
        foreach (var caption in captions.Prepend(""))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!rows.TryAdd(caption, rows.Count)) continue;
            using var embedding = model.Text.Encode(caption, t5Length: t5Length);
            contexts.Add(embedding.Context.clone());
            pooled.Add(embedding.Pooled.clone());
        }
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor>
        {
            ["mean"] = cat(means, 0),
            ["log_variance"] = cat(variances, 0),
            ["context"] = cat(contexts, 0),
            ["pooled"] = cat(pooled, 0),
            ["caption"] = tensor(captions.Select(c => rows[c]).ToArray()),
        }, fingerprint is null ? null : new Dictionary<string, string> { [FingerprintKey] = fingerprint });
    }

    /// <summary>
    /// A digest of everything that the values of a cache are made from: the bytes of the pictures, captions, size, and the weights of the
    /// encoders.
    /// </summary>
    /// <param name="model">The model whose encoders are used; of each weight name, shape and two samples are read.</param>
    /// <param name="files">Paths of the pictures in their order; their names do not count.</param>
    /// <param name="captions">One caption a picture.</param>
    /// <param name="size">How pictures are cut and scaled, in words.</param>
    /// <param name="t5Length">Tokens for T5.</param>
    public static string FingerprintOf(StableDiffusion3 model, IReadOnlyList<string> files, IReadOnlyList<string> captions, string size,
        int t5Length)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(captions);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }
        Text(FormattableString.Invariant($"{size}, {t5Length} tokens, {files.Count} pictures"));
        foreach (var (file, caption) in files.Zip(captions))
        {
            using var stream = File.OpenRead(file);
            hash.AppendData(SHA256.HashData(stream));
            Text(caption);
        }
        foreach (var (name, network) in new (string, nn.Module?)[] { ("vae", model.Vae), ("clip-l", model.Text.ClipL),
            ("clip-g", model.Text.ClipG), ("t5", model.Text.T5) })
        {
            Text(network is null ? $"no {name}" : name);
            if (network is null) continue;
            foreach (var (key, weight) in network.named_parameters())
            {
                Text($"{key} {Shape.Text(weight)} {weight.dtype}");
                Sample(weight);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        // The beginning and the middle: whoever trains an encoder changes all of a weight.
        void Sample(Tensor weight)
        {
            using var scope = NewDisposeScope();
            const long some = 1024;
            if (weight.device_type == DeviceType.META || weight.numel() == 0) return;
            var flat = weight.detach().reshape(-1);
            foreach (var start in new[] { 0, flat.size(0) / 2 })
            {
                var part = TensorView.ToDense(flat.narrow(0, start, Math.Min(some, flat.size(0) - start)).cpu().to(ScalarType.Float32));
                using var view = TensorView.Dense<float>(part);
                hash.AppendData(MemoryMarshal.AsBytes(view.Span));
            }
        }
    }

    /// <summary>Opens a file written by <see cref="Build"/>, mapped.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or no cache.</exception>
    public static TrainingCache Open(string path)
    {
        using var file = SafetensorsFile.Open(path);
        foreach (var key in new[] { "mean", "log_variance", "context", "pooled", "caption" })
        {
            if (!file.Entries.ContainsKey(key))
                throw new InvalidDataException($"{path} is not a cache of latents and captions: it lacks '{key}'.");
        }
        Tensor Map(string key) => file.Map(key).DetachFromDisposeScope();
        return new TrainingCache(Map("mean"), Map("log_variance"), Map("context"), Map("pooled"), Map("caption"),
            file.Metadata.TryGetValue(FingerprintKey, out var made) ? made : null);
    }

    /// <summary>
    /// Scaled latents (freshly sampled) and embeddings of the pictures with these indices [N]; captions are emptied with the given
    /// probability.
    /// </summary>
    public (Tensor Latents, Tensor Context, Tensor Pooled) Draw(Tensor indices, VaeOptions vae, double captionDropout, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(indices);
        ArgumentNullException.ThrowIfNull(vae);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var mean = Mean.index_select(0, indices);
        var noise = randn(mean.shape, ScalarType.Float32, CPU, generator: generator);
        var latents = mean.add(LogVariance.index_select(0, indices).mul(0.5).exp().mul(noise)).sub(vae.ShiftFactor).mul(vae.ScalingFactor);
        var rows = Caption.index_select(0, indices);
        rows = rows.masked_fill(rand(rows.size(0), generator: generator).lt(captionDropout), 0);
        return (latents.MoveToOuterDisposeScope(), Context.index_select(0, rows).MoveToOuterDisposeScope(),
            Pooled.index_select(0, rows).MoveToOuterDisposeScope());
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var t in new[] { Mean, LogVariance, Context, Pooled, Caption }) t.Dispose();
    }
}
