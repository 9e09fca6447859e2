using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Maps of the frozen lake: rows of S (start), F (frozen), H (hole) and G (goal).</summary>
public static class FrozenLakeMap
{
    /// <summary>The usual map of 4 by 4.</summary>
    public static IReadOnlyList<string> Small { get; } = ["SFFF", "FHFH", "FFFH", "HFFG"];

    /// <summary>The usual map of 8 by 8.</summary>
    public static IReadOnlyList<string> Large { get; } =
        ["SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"];

    /// <summary>
    /// A random map with a way from the start (top left) to the goal (bottom right); the same seed gives Gymnasium's map.
    /// </summary>
    /// <param name="size">Side of the square, at least 2.</param>
    /// <param name="frozen">Probability that a cell is frozen, in (0, 1].</param>
    /// <param name="seed">Seed of the map.</param>
    public static IReadOnlyList<string> Random(int size, double frozen = 0.8, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 2);
        if (!(frozen > 0)) throw new ArgumentOutOfRangeException(nameof(frozen), frozen, "The share of frozen cells must be in (0, 1].");
        frozen = Math.Min(1, frozen);
        var random = new RandomStream(seed);
        while (true)
        {
            var board = new char[size][];
            for (var row = 0; row < size; row++)
            {
                board[row] = new char[size];
                for (var column = 0; column < size; column++)
                    board[row][column] = random.ChoiceIndex([frozen, 1 - frozen]) == 0 ? 'F' : 'H';
            }
            board[0][0] = 'S';
            board[^1][^1] = 'G';
            if (HasWay(board)) return [.. board.Select(row => new string(row))];
        }
    }

    internal static void Check(IReadOnlyList<string> map)
    {
        if (map.Count == 0 || map.Any(row => row.Length != map[0].Length || row.Length == 0))
            throw new ArgumentException("The rows of the map must have the same positive length.", nameof(map));
        foreach (var letter in map.SelectMany(row => row))
        {
            if (!"SFHG".Contains(letter, StringComparison.Ordinal))
                throw new ArgumentException($"The map holds '{letter}'; allowed are S, F, H and G.", nameof(map));
        }
        if (!map.Any(row => row.Contains('S', StringComparison.Ordinal)))
            throw new ArgumentException("The map has no start (S).", nameof(map));
    }

    private static bool HasWay(char[][] board)
    {
        var frontier = new Stack<(int Row, int Column)>([(0, 0)]);
        var seen = new HashSet<(int, int)>();
        while (frontier.TryPop(out var at))
        {
            if (!seen.Add(at)) continue;
            foreach (var (dr, dc) in ((int, int)[])[(1, 0), (0, 1), (-1, 0), (0, -1)])
            {
                var (row, column) = (at.Row + dr, at.Column + dc);
                if ((uint)row >= (uint)board.Length || (uint)column >= (uint)board.Length) continue;
                if (board[row][column] == 'G') return true;
                if (board[row][column] != 'H') frontier.Push((row, column));
            }
        }
        return false;
    }
}
