namespace Cresset.Quantization;

/// <summary>One thing in a file of codes: a picture, a signal, or a batch of them.</summary>
/// <param name="Name">Its name, such as a file's; unlike the others in the file.</param>
/// <param name="Shape">Positions, the number of maps first: [1, height, width] for a picture.</param>
public sealed record CodeEntry(string Name, IReadOnlyList<long> Shape)
{
    /// <summary>What else is known of it, such as the size before padding.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();

    /// <summary>Maps.</summary>
    public long Maps => Shape.Count == 0 ? 1 : Shape[0];

    /// <summary>Positions of a map.</summary>
    public IReadOnlyList<long> MapShape => [.. Shape.Skip(1)];

    internal long CodesPerMap(int stages) => Shape.Skip(1).Aggregate((long)stages, (a, b) => checked(a * b));
}
