using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>Blocks of a text: inputs are tokens int64 [N, L], targets the tokens that follow each, -1 behind the end.</summary>
public sealed class TextBlocks : IDataset
{
    private readonly int[] _tokens;
    private readonly int _context;
    private readonly int _stride;

    /// <summary>
    /// Cuts tokens into blocks of <paramref name="context"/> that begin every <paramref name="stride"/> tokens: 1 to learn from, the
    /// context itself to be judged on each token once.
    /// </summary>
    /// <exception cref="ArgumentException">There are fewer than two tokens.</exception>
    public TextBlocks(int[] tokens, int context, int stride, int characters)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        if (tokens.Length < 2) throw new ArgumentException($"A text of {tokens.Length} tokens has no next one to learn.", nameof(tokens));
        (_tokens, _context, _stride, Characters) = (tokens, context, stride, characters);
        // Blocks to learn from are whole; the last one to be judged on may be short.
        Count = stride == 1 ? Math.Max(1, tokens.Length - context) : ((tokens.Length - 2) / stride) + 1;
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <summary>Tokens.</summary>
    public int Length => _tokens.Length;

    /// <summary>Characters of the text.</summary>
    public int Characters { get; }

    /// <summary>The same text in blocks that hold each token once.</summary>
    public TextBlocks Once() => new(_tokens, _context, _context, Characters);

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (inputs, targets) = (new long[request.Indices.Count * _context], new long[request.Indices.Count * _context]);
        Array.Fill(targets, -1);
        for (var n = 0; n < request.Indices.Count; n++)
        {
            var start = request.Indices[n] * _stride;
            for (var i = 0; i < _context && start + i + 1 < _tokens.Length; i++)
                (inputs[(n * _context) + i], targets[(n * _context) + i]) = (_tokens[start + i], _tokens[start + i + 1]);
        }
        return new Prepared(inputs, targets, request.Indices.Count, _context);
    }

    private sealed class Prepared(long[] inputs, long[] targets, int count, int context) : IPreparedBatch
    {
        public Batch ToBatch() => new(tensor(inputs, [count, context]), tensor(targets, [count, context]));
    }
}
