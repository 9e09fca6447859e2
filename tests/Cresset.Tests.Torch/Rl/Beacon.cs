using Cresset.Rl;

namespace Cresset.Tests.Torch.Rl;

/// <summary>A picture of 1 by 8 by 8 with one bright half, left or right; choosing its side pays 1. Episodes of four pictures.</summary>
internal sealed class Beacon(float brightness = 1)
    : Environment<float, int>(new Box(new float[64], Enumerable.Repeat(brightness, 64).ToArray(), [1, 8, 8]), new Discrete(2))
{
    private int _side;
    private int _turn;

    protected override void Begin()
    {
        _turn = 0;
        _side = Random.NextInt32(2);
    }

    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var reward = action[0] == _side ? 1 : 0;
        _side = Random.NextInt32(2);
        return new StepOutcome(reward, ++_turn == 4);
    }

    protected override void Observe(Span<float> observation)
    {
        for (var i = 0; i < 64; i++) observation[i] = i % 8 / 4 == _side ? brightness : 0;
    }

    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_side);
        writer.Write(_turn);
    }

    protected override void LoadState(BinaryReader reader) => (_side, _turn) = (reader.ReadInt32(), reader.ReadInt32());
}
