using Cresset.Quantization;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// How the codes of a tokenizer lie in the one map [H, W] that a prior sees: the stages of a position side by side; the levels of several
/// maps one after the other, the coarsest first, in one row;
/// a code of very many in digits side by side, the greatest first; the codes of several scales in one row as they are.
/// </summary>
internal sealed class CodeLayout
{
    private readonly IReadOnlyList<long[]> _levels;
    private readonly int _stages;
    private readonly int _factors;
    private readonly long _digits;

    private CodeLayout(IReadOnlyList<long[]> levels, IReadOnlyList<long> sizes, int factors, IReadOnlyList<int> scales)
    {
        Scales = scales;
        (_levels, _stages, _factors) = (levels, sizes.Count, factors);
        _digits = Digits(sizes, factors);
        Codes = CodePriorOptions.Codes(_digits);
        var each = _stages * factors;
        if (levels.Count > 1) (Height, Width) = (1, checked((int)levels.Sum(level => level.Aggregate(1L, (a, b) => a * b)) * each));
        else if (levels[0].Length == 1) (Height, Width) = each == 1 ? (1, (int)levels[0][0]) : ((int)levels[0][0], each);
        else (Height, Width) = ((int)levels[0][0], checked((int)levels[0][1] * each));
    }

    /// <summary>Codes that a place of the map chooses from.</summary>
    public int Codes { get; }

    /// <summary>Codes of a position that stand side by side.</summary>
    public int Stages => _stages * _factors;

    /// <summary>Sides of the maps of codes that lie one after the other; empty where there are none.</summary>
    public IReadOnlyList<int> Scales { get; }

    /// <summary>Rows of the map.</summary>
    public int Height { get; }

    /// <summary>Columns of the map.</summary>
    public int Width { get; }

    /// <summary>The layout for examples of those sides, border included.</summary>
    /// <exception cref="ArgumentException">There are too many codes, they cannot be written in that many digits, or the sides do not suit
    /// a quantizer's scales.</exception>
    public static CodeLayout Of(Tokenizer tokenizer, IReadOnlyList<long> sides, int factors)
        => new(tokenizer.CodeShapes(sides), tokenizer.Quantizers[0].CodebookSizes, factors, tokenizer.Quantizers[0].Scales);

    /// <summary>How many different digits a code has in so many of them.</summary>
    /// <exception cref="ArgumentException">The codes are not such a power.</exception>
    public static long Digits(IReadOnlyList<long> sizes, int factors)
    {
        var most = sizes.Max();
        if (factors == 1) return most;
        var digits = (long)Math.Round(Math.Pow(most, 1.0 / factors));
        if (sizes.Any(size => size != most) || Enumerable.Repeat(digits, factors).Aggregate((Int128)1, (a, b) => a * b) != most)
            throw new ArgumentException(
                $"model.factors is {factors}; {string.Join(", ", sizes.Distinct())} codes are not a number to the power of {factors}. Take "
                    + $"a divisor of the bits: 18 bits in 2 or 3.");
        return digits;
    }

    /// <summary>The maps int64 [N, H, W] of codes as <see cref="Tokenizer.Encode"/> gives them.</summary>
    public Tensor Join(IReadOnlyList<Tensor> levels)
    {
        using var scope = NewDisposeScope();
        var parts = levels.Select(level => InDigits(level).reshape(level.size(0), -1)).ToArray();
        return cat(parts, 1).reshape(levels[0].size(0), Height, Width).MoveToOuterDisposeScope();
    }

    /// <summary>The codes of maps [N, H, W], for <see cref="Tokenizer.Decode"/>.</summary>
    public IReadOnlyList<Tensor> Split(Tensor maps)
    {
        using var scope = NewDisposeScope();
        var all = maps.reshape(maps.size(0), -1);
        var start = 0L;
        var levels = new List<Tensor>();
        foreach (var level in _levels)
        {
            var length = level.Aggregate(1L, (a, b) => a * b) * _stages * _factors;
            var part = all.narrow(1, start, length);
            start += length;
            if (_factors > 1)
            {
                var digits = part.reshape(maps.size(0), -1, _factors);
                part = Enumerable.Range(0, _factors).Select(i => digits.select(2, i)).Aggregate((a, b) => (a * _digits) + b);
            }
            levels.Add((_stages == 1 ? part.reshape([maps.size(0), .. level]) : part.reshape([maps.size(0), .. level, _stages])).clone()
                .MoveToOuterDisposeScope());
        }
        return levels;
    }

    /// <summary>
    /// For each place of a map whether all that stands there belongs to positions that are kept; one picture of one level.
    /// </summary>
    public bool[] Keeps(Func<long, long, bool> position)
    {
        if (_levels.Count > 1 || _levels[0].Length != 2)
            throw new ArgumentException(
                "The codes of this tokenizer lie in several maps, or in none: a hole has no place in them. Use a tokenizer with one map, "
                    + "such as vq-vae.");
        var each = _stages * _factors;
        var columns = _levels[0][1];
        return [.. Enumerable.Range(0, Height * Width).Select(i => position(i / each / columns, i / each % columns))];
    }

    private Tensor InDigits(Tensor codes)
    {
        if (_factors == 1) return codes;
        var digits = new Tensor[_factors];
        var rest = codes;
        for (var i = _factors - 1; i >= 0; i--)
        {
            digits[i] = rest.remainder(_digits);
            rest = rest.div(_digits, RoundingMode.floor);
        }
        return stack(digits, -1);
    }
}
