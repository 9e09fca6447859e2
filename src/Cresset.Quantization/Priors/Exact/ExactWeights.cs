using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The weights of a prior as plain float32 arrays, by the keys of its state dict, and a fingerprint of them.</summary>
internal sealed class ExactWeights
{
    private readonly Dictionary<string, (float[] Values, long[] Shape)> _tensors = [];

    /// <summary>Copies the weights as they are now.</summary>
    /// <param name="prior">The prior.</param>
    /// <param name="structure">What the weights do not tell, such as the number of heads; part of the fingerprint.</param>
    public ExactWeights(CodePrior prior, string structure)
    {
        using var noGrad = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{prior.GetType().Name} {prior.CodebookSize} {prior.Classes} {structure}\n"));
        foreach (var (name, parameter) in prior.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            var values = TensorSpans.Of<float>(parameter.detach().cpu().to(ScalarType.Float32).contiguous()).ToArray();
            foreach (var value in values)
            {
                if (!float.IsFinite(value))
                    throw new ArgumentException(
                        $"The prior's weight {name} holds {value}: it is damaged, or was trained with too high a learning rate.",
                        nameof(prior));
            }
            _tensors[name] = (values, parameter.shape);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} [{string.Join(", ", parameter.shape)}]\n"));
            if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("Weights are compared as little-endian numbers.");
            hash.AppendData(MemoryMarshal.AsBytes<float>(values));
        }
        Fingerprint = hash.GetHashAndReset()[..16];
    }

    /// <summary>16 bytes that only these weights have.</summary>
    public byte[] Fingerprint { get; }

    public bool Has(string name) => _tensors.ContainsKey(name);

    public float[] Of(string name) => _tensors[name].Values;

    public long[] Shape(string name) => _tensors[name].Shape;

    /// <summary>How many modules are numbered after this prefix: "layers." for layers.0, layers.1 and so on.</summary>
    public int Count(string prefix)
    {
        var count = 0;
        while (_tensors.Keys.Any(
            key => key.StartsWith(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{prefix}{count}."),
                StringComparison.Ordinal))) count++;
        return count;
    }

    /// <summary>A row of a table of embeddings, for each of the maps.</summary>
    public static void Rows(float[] table, int width, ReadOnlySpan<long> rows, float[] output, int start)
    {
        for (var i = 0; i < rows.Length; i++) table.AsSpan((int)rows[i] * width, width).CopyTo(output.AsSpan(start + (i * width), width));
    }
}

/// <summary>
/// Feature maps of a block of maps, position by position: [H, W, maps, channels]. Only the last <paramref name="kept"/> rows stay.
/// </summary>
internal sealed class ExactMap(int maps, int height, int width, int channels, int kept)
{
    private readonly int _kept = Math.Min(kept, height);

    public float[] Values { get; } = new float[checked(Math.Min(kept, height) * width * maps * channels)];

    public int Height => height;

    public int Width => width;

    public int Channels => channels;

    public int Maps => maps;

    /// <summary>Where the channels of the first map at a position begin; those of the next maps follow.</summary>
    public int At(int row, int column) => ((row % _kept * width) + column) * maps * channels;

    public Span<float> Of(int row, int column) => Values.AsSpan(At(row, column), maps * channels);
}
