using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Numbers that pick rows of a table, such as tokens and places: beyond it libtorch names neither argument nor value.</summary>
internal static class RowNumbers
{
    /// <summary>Refuses numbers outside 0 to <paramref name="count"/> - 1.</summary>
    /// <param name="numbers">int64 of any shape.</param>
    /// <param name="count">Rows of the table.</param>
    /// <param name="table">What it is, such as "the vocabulary".</param>
    /// <param name="model">Whose argument it is.</param>
    /// <param name="argument">The argument's name.</param>
    /// <exception cref="ArgumentException">The numbers are not int64.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One lies outside.</exception>
    public static void Check(Tensor numbers, long count, string table, string model, string argument)
    {
        if (numbers.dtype != ScalarType.Int64)
            throw new ArgumentException($"{model}: {argument} are {numbers.dtype}; allowed: Int64.", argument);
        using var copied = numbers.device_type == DeviceType.CPU ? null : numbers.cpu();
        var at = 0;
        foreach (var number in (copied ?? numbers).data<long>())
        {
            if (number < 0 || number >= count)
                throw new ArgumentOutOfRangeException(argument, number,
                    $"{model}: number {at} of {argument} is {number}; allowed: 0 to {count - 1}, {table}.");
            at++;
        }
    }
}
