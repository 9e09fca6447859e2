namespace Cresset.Rl;

/// <summary>What a cell of a grid is.</summary>
public enum GridCellKind
{
    /// <summary>An ordinary cell.</summary>
    Floor,

    /// <summary>Where episodes start.</summary>
    Start,

    /// <summary>Where one wants to go.</summary>
    Goal,

    /// <summary>A cell that costs.</summary>
    Forbidden,

    /// <summary>A hole or cliff.</summary>
    Trap,

    /// <summary>A cell that cannot be entered.</summary>
    Wall,
}

/// <summary>An environment whose states are cells of a grid and whose actions are moves: values and policies can be drawn on it.</summary>
public interface IGridWorld
{
    /// <summary>Number of rows.</summary>
    int Rows { get; }

    /// <summary>Number of columns.</summary>
    int Columns { get; }

    /// <summary>The cell of a state.</summary>
    (int Row, int Column) CellOf(int state);

    /// <summary>The intended move of an action; (0, 0) stays.</summary>
    (int Row, int Column) MoveOf(int action);

    /// <summary>What a cell is.</summary>
    GridCellKind KindOf(int row, int column);
}
