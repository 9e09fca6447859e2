using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// A set of allowed observations or actions. Every element is a row of <see cref="Size"/> values of
/// <typeparamref name="T"/>: 1 for a single number, more for vectors, grids and composites.
/// </summary>
public abstract class Space<T>
    where T : unmanaged
{
    private RandomStream? _random;

    /// <summary>Number of values of one element.</summary>
    public abstract int Size { get; }

    /// <summary>The stream that the samples draw from; seeded by the operating system until <see cref="Seed"/> is called.</summary>
    public RandomStream Random => _random ??= RandomStream.FromSystem();

    /// <summary>Restarts the stream; the samples that follow equal Gymnasium's after <c>space.seed(seed)</c>.</summary>
    public virtual void Seed(ulong seed) => _random = new RandomStream(seed);

    /// <summary>Whether <paramref name="value"/> is an element.</summary>
    public abstract bool Contains(ReadOnlySpan<T> value);

    /// <summary>Writes a random element into <paramref name="destination"/>, which must hold <see cref="Size"/> values.</summary>
    public abstract void Sample(Span<T> destination);

    /// <summary>A random element in a new array.</summary>
    public T[] Sample()
    {
        var value = new T[Size];
        Sample(value);
        return value;
    }

    /// <summary>Throws when a row does not hold exactly <see cref="Size"/> values.</summary>
    protected void CheckSize(int length, string name)
    {
        if (length != Size) throw new ArgumentException($"{length} values were given where {this} has {Size}.", name);
    }
}
