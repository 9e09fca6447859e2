namespace Cresset.Quantization;

/// <summary>
/// Codes whether there is a code at all, with counts that adapt: one pair for each stage and for whether the code before in the same map
/// was there.
/// A masked region or a run of dropped stages costs a few hundredths of a bit per code.
/// </summary>
internal sealed class AbsenceModel(int maps, int stages)
{
    // Counts are halved here, so that they follow the map and stay far below the coder's total.
    private const uint Limit = 1 << 12;
    private readonly uint[] _counts = [.. Enumerable.Repeat(1u, stages * 4)];
    private readonly bool[] _before = new bool[maps];

    public void Encode(RangeEncoder encoder, int map, int position, bool none)
    {
        var at = Context(map, position);
        var total = _counts[at] + _counts[at + 1];
        if (none) encoder.Encode(_counts[at], _counts[at + 1], total);
        else encoder.Encode(0, _counts[at], total);
        Learn(at, map, none);
    }

    public bool Decode(RangeDecoder decoder, int map, int position)
    {
        var at = Context(map, position);
        var none = decoder.Target(_counts[at] + _counts[at + 1]) >= _counts[at];
        if (none) decoder.Advance(_counts[at], _counts[at + 1]);
        else decoder.Advance(0, _counts[at]);
        Learn(at, map, none);
        return none;
    }

    private int Context(int map, int position) => ((position % stages * 2) + (_before[map] ? 1 : 0)) * 2;

    private void Learn(int at, int map, bool none)
    {
        _before[map] = none;
        _counts[at + (none ? 1 : 0)] += 32;
        if (_counts[at] + _counts[at + 1] <= Limit) return;
        _counts[at] = (_counts[at] + 1) / 2;
        _counts[at + 1] = (_counts[at + 1] + 1) / 2;
    }
}
