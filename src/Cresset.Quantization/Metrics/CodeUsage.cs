namespace Cresset.Quantization;

/// <summary>
/// How often each code was chosen. Pool batches by adding them: the perplexity of pooled counts is not the mean of the batches'
/// perplexities.
/// </summary>
/// <remarks>
/// Counts are an array up to 2^20 codes and a dictionary beyond, so that a codebook of 2^60 implicit codes costs what was seen.
/// </remarks>
public sealed class CodeUsage
{
    private const long DenseLimit = 1 << 20;
    private readonly long[]? _dense;
    private readonly Dictionary<long, long>? _sparse;

    /// <summary>No counts yet, for codes 0 to <paramref name="size"/> - 1.</summary>
    public CodeUsage(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        Size = size;
        if (size <= DenseLimit) _dense = new long[size];
        else _sparse = [];
    }

    /// <summary>Codes there are.</summary>
    public long Size { get; }

    /// <summary>Choices counted.</summary>
    public long Total { get; private set; }

    /// <summary>Codes chosen at least once.</summary>
    public long Used { get; private set; }

    /// <summary>Codes never chosen.</summary>
    public long Dead => Size - Used;

    /// <summary>Used codes as a share of all.</summary>
    public double UsedShare => (double)Used / Size;

    /// <summary>Entropy of the choices in nats.</summary>
    public double Entropy
    {
        get
        {
            if (Total == 0) return 0;
            var sum = 0.0;
            foreach (var (_, count) in Counts())
            {
                var p = (double)count / Total;
                sum -= p * Math.Log(p);
            }
            return sum;
        }
    }

    /// <summary>Entropy of the choices in bits: what an ideal coder that knows only the frequencies spends on an index.</summary>
    public double EntropyBits => Entropy / Math.Log(2);

    /// <summary>exp of the entropy: the number of equally likely codes that would be as uncertain; 1 to <see cref="Size"/>.</summary>
    public double Perplexity => Math.Exp(Entropy);

    /// <summary>How often a code was chosen.</summary>
    public long this[long code] => _dense is not null ? _dense[code] : _sparse!.GetValueOrDefault(code);

    /// <summary>The codes that were chosen, with their counts.</summary>
    public IEnumerable<(long Code, long Count)> Counts()
    {
        if (_dense is null)
        {
            foreach (var (code, count) in _sparse!.OrderBy(pair => pair.Key)) yield return (code, count);
            yield break;
        }
        for (var code = 0L; code < Size; code++)
        {
            if (_dense[code] > 0) yield return (code, _dense[code]);
        }
    }

    /// <summary>Counts a choice.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such code.</exception>
    public void Add(long code, long times = 1)
    {
        if (code < 0 || code >= Size) throw new ArgumentOutOfRangeException(nameof(code), code, $"There are codes 0 to {Size - 1}.");
        ArgumentOutOfRangeException.ThrowIfNegative(times);
        if (times == 0) return;
        if (_dense is not null)
        {
            if (_dense[code] == 0) Used++;
            _dense[code] += times;
        }
        else
        {
            if (_sparse!.TryAdd(code, times)) Used++;
            else _sparse[code] += times;
        }
        Total += times;
    }

    /// <summary>Counts many choices; -1 (none) is passed over.</summary>
    public void Add(ReadOnlySpan<long> codes)
    {
        foreach (var code in codes)
        {
            if (code != -1) Add(code);
        }
    }

    /// <summary>Adds the counts of another histogram of the same size.</summary>
    public void Add(CodeUsage other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Size != Size)
            throw new ArgumentException($"The other histogram is over {other.Size} codes, this one over {Size}.", nameof(other));
        foreach (var (code, count) in other.Counts()) Add(code, count);
    }

    /// <summary>Forgets all counts.</summary>
    public void Clear()
    {
        if (_dense is not null) Array.Clear(_dense);
        _sparse?.Clear();
        Total = Used = 0;
    }
}
