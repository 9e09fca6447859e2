using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>What each copy of an environment remembers of its episode; nothing where there is no memory.</summary>
/// <param name="copies">Number of copies.</param>
/// <param name="size">Values that a copy remembers.</param>
internal sealed class CopyMemories(int copies, int size)
{
    private readonly bool[] _begins = [.. Enumerable.Repeat(true, copies)];

    /// <summary>[copies, size].</summary>
    public float[] Values { get; } = new float[copies * size];

    public Span<float> Of(int copy) => Values.AsSpan(copy * size, size);

    /// <summary>Whether the copy's next step is the first of an episode.</summary>
    public bool Begins(int copy) => _begins[copy];

    /// <summary>The copy has taken a step.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="hasEnded">Whether the episode ended with it, so that it is forgotten.</param>
    public void Stepped(int copy, bool hasEnded)
    {
        _begins[copy] = hasEnded;
        if (hasEnded) Of(copy).Clear();
    }

    public void Save(Snapshot state)
    {
        if (size == 0) return;
        state.Put("agent/memory/values", Values);
        state.Put("agent/memory/begins", writer =>
        {
            foreach (var begins in _begins) writer.Write(begins);
        });
    }

    /// <summary>Takes over what was saved; copies that could not be brought back begin anew.</summary>
    public void Load(Snapshot state, IEnumerable<int> lost)
    {
        if (size == 0) return;
        state.Get("agent/memory/values", Values);
        state.Get("agent/memory/begins", reader =>
        {
            for (var i = 0; i < _begins.Length; i++) _begins[i] = reader.ReadBoolean();
        });
        foreach (var copy in lost) Stepped(copy, hasEnded: true);
    }
}
