using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What stands in a scene.</summary>
internal enum SceneThings
{
    /// <summary>Garments.</summary>
    Garments,

    /// <summary>Handwritten digits.</summary>
    Digits,

    /// <summary>Garments in one scene, digits in another.</summary>
    Both,
}

/// <summary>
/// Scenes with captions: one to three real things of a kind, garments or handwritten digits, on a patch of a photograph: "two sneakers on
/// gravel". A share of the captions is never learned from; they are the first, so that pictures drawn during training show what the model
/// makes of words that it knows but never saw together.
/// </summary>
[Part("scenes")]
internal sealed record ScenesData : DataSource
{
    /// <summary>The set's name in what is known about a model's data.</summary>
    internal const string SetName = "scenes";

    private static readonly string[] Numbers = ["one", "two", "three"];
    private static readonly string[] AllGrounds = ["brick", "grass", "gravel"];

    // By Fashion-MNIST's classes; trousers, which come in pairs, stay away.
    private static readonly (string One, string More)?[] Garments =
    [
        ("t-shirt", "t-shirts"), null, ("pullover", "pullovers"), ("dress", "dresses"), ("coat", "coats"), ("sandal", "sandals"),
        ("shirt", "shirts"), ("sneaker", "sneakers"),
        ("bag", "bags"), ("ankle boot", "ankle boots"),
    ];

    private static readonly (string One, string More)?[] Digits =
    [
        ("zero", "zeros"), ("one", "ones"), ("two", "twos"), ("three", "threes"), ("four", "fours"), ("five", "fives"), ("six", "sixes"),
        ("seven", "sevens"), ("eight", "eights"),
        ("nine", "nines"),
    ];

    /// <summary>What stands in them.</summary>
    public SceneThings Things { get; init; }

    /// <summary>Photographs that things stand on.</summary>
    public IReadOnlyList<string> Grounds { get; init; } = AllGrounds;

    /// <summary>Side of a scene in pixels.</summary>
    public int Size { get; init; } = 48;

    /// <summary>Number of scenes, those with captions that are held back among them.</summary>
    public int Count { get; init; } = 4000;

    /// <summary>Share of the captions that is never learned from.</summary>
    public double HeldOut { get; init; } = 0.1;

    /// <summary>Seed of the scenes and of what is held back.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (1, Size, Size);

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (use.Target is not (TargetKind.Caption or TargetKind.None))
            throw new DataMismatchException($"{SetName} has captions; it has neither classes nor masks nor numbers.");
        using var scope = NewDisposeScope();
        var random = new RandomStream(Seed);
        List<Kind> kinds = [];
        if (Things is not SceneThings.Digits) kinds.AddRange(KindsOf(Garments, ImageClassification.Garments()));
        if (Things is not SceneThings.Garments) kinds.AddRange(KindsOf(Digits, ImageClassification.Digits()));
        var grounds = SceneMaterial.Photographs([.. Grounds]);
        (int Number, Kind Kind,
            int Ground)[] captions = [.. from n in Enumerable.Range(0, Numbers.Length) from k in kinds
                from g in Enumerable.Range(0, Grounds.Count) select (n, k, g)];
        for (var i = captions.Length - 1; i > 0; i--)
        {
            var other = random.NextInt32(i + 1);
            (captions[i], captions[other]) = (captions[other], captions[i]);
        }
        var held = (int)Math.Round(HeldOut * captions.Length);
        var test = held == 0 ? 0 : Math.Max(1, (int)((long)Count * held / captions.Length));
        var pixels = new float[(long)Count * Size * Size];
        var labels = new long[Count];
        for (var i = 0; i < Count; i++)
        {
            // Learned from first, then the captions held back.
            labels[i] = i < Count - test ? held + random.NextInt32(captions.Length - held) : random.NextInt32(held);
            var (number, kind, ground) = captions[labels[i]];
            Paint(pixels.AsSpan(i * Size * Size, Size * Size), number + 1, kind, grounds[ground], random);
        }
        var facts = new DataFacts
        {
            Name = SetName,
            Shape = [1, Size, Size],
            Target = use.Target,
            Captions = use.Target == TargetKind.Caption
                ? [.. captions.Select(c => $"{Numbers[c.Number]} {(c.Number == 0 ? c.Kind.One : c.Kind.More)} on {Grounds[c.Ground]}")]
                : null,
        };
        var split = test == 0 ? (SplitRule)new ShareSplit { Validation = 0, Test = 0 } : new GivenSplit { Validation = 0 };
        return DataSplit.FromTensors(facts, tensor(pixels).reshape(Count, 1, Size, Size),
            use.Target == TargetKind.Caption ? tensor(labels) : null, split, test);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Things)
        .Must(Grounds is { Count: > 0 } && Grounds.All(RealPictures.Names.Contains) && Grounds.Distinct().Count() == Grounds.Count,
            Grounds is null ? null : string.Join(", ", Grounds), $"different ones of {string.Join(", ", RealPictures.Names)}",
            field: nameof(Grounds))
        .Within(Size, 24, 128)
        .Within(Count, 100, 100_000)
        .Within(HeldOut, 0, 0.5);

    // A thing is about two fifths of the side, so that four places hold one each.
    private int Edge => Size * 5 / 12;

    private void Paint(Span<float> scene, int number, Kind kind, (float[] Values, int Height, int Width) ground, RandomStream random)
    {
        var (top, left) = (random.NextInt32(ground.Height - Size + 1), random.NextInt32(ground.Width - Size + 1));
        for (var y = 0; y < Size; y++)
        {
            for (var x = 0; x < Size; x++) scene[(y * Size) + x] = 0.6f * ground.Values[((top + y) * ground.Width) + left + x];
        }
        var places = new List<int> { 0, 1, 2, 3 };
        var room = (Size / 2) - Edge + 1;
        for (var i = 0; i < number; i++)
        {
            var at = random.NextInt32(places.Count);
            var place = places[at];
            places.RemoveAt(at);
            var thing = kind.Pictures[random.NextInt32(kind.Pictures.Count)];
            var (row, column) = ((place / 2 * (Size / 2)) + random.NextInt32(room), (place % 2 * (Size / 2)) + random.NextInt32(room));
            for (var y = 0; y < Edge; y++)
            {
                for (var x = 0; x < Edge; x++)
                {
                    var ink = thing[(y * Edge) + x];
                    // Black around a thing is not part of it; its dark edge is half clear.
                    var cover = Math.Min(1, ink / 0.2f);
                    ref var pixel = ref scene[((row + y) * Size) + column + x];
                    pixel = (pixel * (1 - cover)) + (ink * cover);
                }
            }
        }
    }

    private List<Kind> KindsOf((string One, string More)?[] names, (TensorDataset Train, TensorDataset Test) set)
    {
        using var data = set.Train;
        using (set.Test)
        {
            var small = Upsample.Apply(data.Inputs, [Edge, Edge], mode: ResizeMode.Bilinear, antialias: true).clamp(0, 1).contiguous()
                .data<float>().ToArray();
            var labels = data.Targets!.data<long>().ToArray();
            return [.. names.Index().Where(n => n.Item is not null).Select(n => new Kind(n.Item!.Value.One, n.Item.Value.More,
                [.. Enumerable.Range(0, labels.Length).Where(i => labels[i] == n.Index)
                    .Select(i => small.AsMemory(i * Edge * Edge, Edge * Edge).ToArray())]))];
        }
    }

    private sealed record Kind(string One, string More, IReadOnlyList<float[]> Pictures);
}
