using Cresset.Rl;

namespace Cresset.Samples.Worlds;

/// <summary>
/// A shop orders goods at night and sells them by day. What does not fit into the store cannot be ordered: those actions are masked.
/// </summary>
/// <param name="capacity">Most pieces in the store.</param>
/// <param name="demand">Largest demand of a day; every number from 0 to it is equally likely.</param>
public sealed class Inventory(int capacity = 10, int demand = 6)
    : Environment<int, int>(new Discrete(capacity + 1), new Discrete(capacity + 1)), IActionMask, IRenderable
{
    private int _stock;
    private int _sold;

    public override int? MaxEpisodeSteps => 30;

    public int FramesPerSecond => 4;

    /// <summary>An order is allowed when it fits.</summary>
    public void WriteActionMask(Span<bool> mask)
    {
        for (var order = 0; order < mask.Length; order++) mask[order] = _stock + order <= capacity;
    }

    protected override void Begin() => (_stock, _sold) = (0, 0);

    protected override bool IsValid(ReadOnlySpan<int> action) => action[0] >= 0 && _stock + action[0] <= capacity;

    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var full = _stock + action[0];
        _sold = Math.Min(full, Random.NextInt32(demand + 1));
        _stock = full - _sold;
        return new StepOutcome((3 * _sold) - action[0] - (action[0] > 0 ? 1 : 0) - (0.2 * _stock), Terminated: false);
    }

    protected override void Observe(Span<int> observation) => observation[0] = _stock;

    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_stock);
        writer.Write(_sold);
    }

    protected override void LoadState(BinaryReader reader) => (_stock, _sold) = (reader.ReadInt32(), reader.ReadInt32());

    public RgbImage Render()
    {
        var picture = new RgbImage(20 + (12 * capacity), 60, new Rgb(250, 250, 250));
        var canvas = new Canvas(picture);
        for (var i = 0; i < capacity; i++)
            canvas.FillRectangle(10 + (12 * i), 30, 10, 20, i < _stock ? new Rgb(70, 110, 180) : new Rgb(225, 225, 225));
        canvas.Text(10, 8, $"sold {_sold}", new Rgb(60, 60, 60));
        return picture;
    }
}
