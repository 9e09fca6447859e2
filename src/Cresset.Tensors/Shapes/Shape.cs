using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Cheap checks at the door of every <c>forward</c>: letters for free sizes, numbers for fixed ones.</summary>
/// <remarks>Reads sizes one by one: <c>Tensor.shape</c> allocates and costs a hundred times as much.</remarks>
public static class Shape
{
    // Parsed patterns of constant texts: filled once per call site, never changed afterwards.
    private static readonly ConcurrentDictionary<string, string[]> Patterns = new();

    /// <summary>
    /// Checks <paramref name="tensor"/> against a pattern such as <c>"N 3 H W"</c>: as many dimensions as words, numbers must match, equal
    /// letters must have equal sizes.
    /// </summary>
    /// <exception cref="ShapeException">The shape does not fit.</exception>
    public static void Expect(Tensor tensor, string pattern, [CallerArgumentExpression(nameof(tensor))] string name = "",
        [CallerMemberName] string caller = "", [CallerFilePath] string file = "")
        => Check(tensor, pattern, default, name, caller, file);

    /// <summary>As above, with the values of some letters given: <c>Shape.Expect(x, "N C H W", ("C", channels))</c>.</summary>
    /// <exception cref="ShapeException">The shape does not fit.</exception>
    public static void Expect(Tensor tensor, string pattern, ReadOnlySpan<(string Letter, long Size)> sizes,
        [CallerArgumentExpression(nameof(tensor))] string name = "", [CallerMemberName] string caller = "",
        [CallerFilePath] string file = "")
        => Check(tensor, pattern, sizes, name, caller, file);

    /// <summary>As above, with one letter given.</summary>
    /// <exception cref="ShapeException">The shape does not fit.</exception>
    public static void Expect(Tensor tensor, string pattern, (string Letter, long Size) size,
        [CallerArgumentExpression(nameof(tensor))] string name = "", [CallerMemberName] string caller = "",
        [CallerFilePath] string file = "")
        => Check(tensor, pattern, new ReadOnlySpan<(string, long)>(in size), name, caller, file);

    /// <summary>"[8, 3, 32, 32]".</summary>
    public static string Text(Tensor tensor) => Text(tensor.shape);

    /// <summary>"[8, 3, 32, 32]".</summary>
    public static string Text(ReadOnlySpan<long> shape) => "[" + string.Join(", ", shape.ToArray()) + "]";

    /// <summary>The exception for a shape that breaks a rule no pattern can state.</summary>
    public static ShapeException Wrong(Tensor tensor, string expected, string hint = "",
        [CallerArgumentExpression(nameof(tensor))] string name = "", [CallerMemberName] string caller = "",
        [CallerFilePath] string file = "")
        => new($"{Path.GetFileNameWithoutExtension(file)}.{caller}: {name} has shape {Text(tensor)}; expected {expected}."
            + (hint.Length == 0 ? "" : " " + hint));

    private static void Check(Tensor tensor, string pattern, ReadOnlySpan<(string Letter, long Size)> sizes, string name, string caller,
        string file)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        var words = Patterns.GetOrAdd(pattern, static p => p.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var ok = tensor.dim() == words.Length;
        for (var i = 0; ok && i < words.Length; i++)
        {
            var actual = tensor.size(i);
            if (char.IsAsciiDigit(words[i][0]))
            {
                ok = long.Parse(words[i], System.Globalization.CultureInfo.InvariantCulture) == actual;
                continue;
            }
            foreach (var (letter, size) in sizes)
            {
                if (letter == words[i]) ok &= size == actual;
            }
            for (var j = 0; ok && j < i; j++)
            {
                if (words[j] == words[i]) ok = tensor.size(j) == actual;
            }
        }
        if (!ok) Throw(tensor, words, sizes, name, caller, file);
    }

    private static void Throw(Tensor tensor, string[] words, ReadOnlySpan<(string Letter, long Size)> sizes, string name, string caller,
        string file)
    {
        var shown = (string[])words.Clone();
        foreach (var (letter, size) in sizes)
        {
            for (var i = 0; i < shown.Length; i++)
            {
                if (shown[i] == letter) shown[i] = $"{letter}={size}";
            }
        }
        throw new ShapeException(
            $"{Path.GetFileNameWithoutExtension(file)}.{caller}: {name} has shape {Text(tensor)}; expected [{string.Join(", ", shown)}].");
    }
}
