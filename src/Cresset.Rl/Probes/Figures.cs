using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Pictures with one small figure somewhere, an upright cross or a slanting one, between specks of dust: naming it pays 1. Both have as
/// many bright points, so no point by itself tells which it is; convolutions know a figure wherever it lies. Observations: [1, size, size],
/// 0 to 255. Actions: 0 upright, 1 slanting.
/// </summary>
/// <param name="size">Pixels of a side.</param>
/// <param name="dust">Specks.</param>
/// <param name="pictures">Pictures of an episode.</param>
public sealed class Figures(int size = 10, int dust = 4, int pictures = 8)
    : Environment<float, int>(new Box(new float[size * size], [.. Enumerable.Repeat(255f, size * size)], [1, size, size]), new Discrete(2)),
        IRenderable
{
    private static readonly (int X, int Y)[][] Points = [[(1, 0), (0, 1), (1, 1), (2, 1), (1, 2)],
        [(0, 0), (2, 0), (1, 1), (0, 2), (2, 2)]];
    private readonly byte[] _picture = new byte[size * size];
    private int _figure;
    private int _shown;

    /// <inheritdoc/>
    public override int? MaxEpisodeSteps => pictures;

    /// <inheritdoc/>
    public override double? RewardThreshold => 0.95 * pictures;

    /// <inheritdoc/>
    public override ReturnRange ReturnRange => new(0, pictures);

    /// <inheritdoc/>
    public int FramesPerSecond => 2;

    /// <inheritdoc/>
    protected override void Begin()
    {
        _shown = 0;
        Draw();
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var reward = action[0] == _figure ? 1 : 0;
        _shown++;
        Draw();
        return new StepOutcome(reward, _shown == pictures);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation)
    {
        for (var i = 0; i < _picture.Length; i++) observation[i] = _picture[i];
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(_figure);
        writer.Write(_shown);
        writer.Write(_picture);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (_figure, _shown) = (reader.ReadInt32(), reader.ReadInt32());
        reader.BaseStream.ReadExactly(_picture);
    }

    /// <inheritdoc/>
    public RgbImage Render()
    {
        const int cell = 12;
        var image = new RgbImage(size * cell, size * cell);
        var canvas = new Canvas(image);
        for (var i = 0; i < _picture.Length; i++)
            canvas.FillRectangle(i % size * cell, i / size * cell, cell, cell, new Rgb(_picture[i], _picture[i], _picture[i]));
        return image;
    }

    private void Draw()
    {
        Array.Clear(_picture);
        for (var speck = 0; speck < dust; speck++) _picture[Random.NextInt32(_picture.Length)] = 255;
        _figure = Random.NextInt32(2);
        var (left, top) = (Random.NextInt32(size - 2), Random.NextInt32(size - 2));
        for (var y = 0; y < 3; y++) _picture.AsSpan(((top + y) * size) + left, 3).Clear();
        foreach (var (x, y) in Points[_figure]) _picture[((top + y) * size) + left + x] = 255;
    }
}

/// <summary>Pictures with an upright or a slanting cross somewhere between specks of dust, to be named.</summary>
[Part("figures")]
public sealed record FiguresSource : EnvironmentSource
{
    /// <summary>Pixels of a side.</summary>
    public int Size { get; init; } = 10;

    /// <summary>Specks of dust.</summary>
    public int Dust { get; init; } = 4;

    /// <summary>Pictures of an episode.</summary>
    public int Pictures { get; init; } = 8;

    /// <inheritdoc/>
    public override string Name => "Figures";

    /// <inheritdoc/>
    public override string Group => "memory, pictures, goals";

    /// <inheritdoc/>
    public override IEnvironment Make() => new Figures(Size, Dust, Pictures);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        [.. base.Validate(), .. new OptionChecks().Within(Size, 3, 1000).Within(Dust, 0, 1_000_000).Within(Pictures, 1, 1_000_000)];
}
