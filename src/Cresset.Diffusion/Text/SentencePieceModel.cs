namespace Cresset.Diffusion;

/// <summary>What a SentencePiece file holds: pieces with scores, special ids and the rules of normalization.</summary>
internal sealed class SentencePieceModel
{
    internal enum PieceKind
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    public List<(string Text, float Score, PieceKind Kind)> Pieces { get; } = [];

    public int UnknownId { get; private set; }

    public int BeginId { get; private set; } = 1;

    public int EndId { get; private set; } = 2;

    public int PadId { get; private set; } = -1;

    public bool ByteFallback { get; private set; }

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraSpace { get; private set; } = true;

    public bool EscapeSpace { get; private set; } = true;

    public CharacterMap Map { get; private set; } = CharacterMap.Empty;

    /// <summary>The file's content.</summary>
    public byte[] Content { get; private set; } = [];

    /// <summary>A model whose pieces are whole words, after T5's padding, end and unknown (ids 0, 1, 2).</summary>
    public static SentencePieceModel OfWords(IEnumerable<string> words)
    {
        List<(string Text, float Score, PieceKind Kind)> pieces = [("<pad>", 0, PieceKind.Control), ("</s>", 0, PieceKind.Control),
            ("<unk>", 0, PieceKind.Unknown)];
        // One score for all: no other cut of a known word has a piece for each part.
        pieces.AddRange(words.Select(word => ('\u2581' + word, -1f, PieceKind.Normal)));
        var file = new ProtoWriter();
        foreach (var (text, score, kind) in pieces)
            file.Message(1, new ProtoWriter().Text(1, text).Single(2, score).Varint(3, (ulong)kind));
        // A unigram model; ids of unknown, begin (none), end and padding.
        file.Message(2, new ProtoWriter().Varint(3, 1).Varint(40, 2).Varint(41, ulong.MaxValue).Varint(42, 1).Varint(43, 0));
        return Read(file.ToArray(), "words");
    }

    public static SentencePieceModel Read(string path) => Read(File.ReadAllBytes(path), path);

    private static SentencePieceModel Read(byte[] bytes, string path)
    {
        var model = new SentencePieceModel { Content = bytes };
        var isUnigram = true;
        for (var reader = new ProtoReader(bytes, path); reader.Next();)
        {
            switch (reader.Field)
            {
                case 1: model.Pieces.Add(ReadPiece(reader.Message())); break;
                case 2: isUnigram = model.ReadTrainer(reader.Message()); break;
                case 3: model.ReadNormalizer(reader.Message(), path); break;
                default: reader.Skip(); break;
            }
        }
        if (model.Pieces.Count == 0) throw new InvalidDataException($"{path} is not a SentencePiece model: it holds no pieces.");
        if (!isUnigram)
            throw new InvalidDataException($"{path} is a SentencePiece model of another kind; a T5 tokenizer needs a unigram model.");
        if (model.UnknownId < 0 || model.UnknownId >= model.Pieces.Count)
            throw new InvalidDataException($"{path}: the unknown id {model.UnknownId} is not one of the {model.Pieces.Count} pieces.");
        return model;
    }

    private static (string Text, float Score, PieceKind Kind) ReadPiece(ProtoReader reader)
    {
        var (text, score, kind) = ("", 0f, PieceKind.Normal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: text = reader.Text(); break;
                case 2: score = reader.Single(); break;
                case 3: kind = (PieceKind)reader.Varint(); break;
                default: reader.Skip(); break;
            }
        }
        return (text, score, kind);
    }

    private bool ReadTrainer(ProtoReader reader)
    {
        var unigram = true;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3: unigram = reader.Varint() == 1; break;
                case 35: ByteFallback = reader.Varint() != 0; break;
                // Negative ids come as sign-extended 64-bit numbers.
                case 40: UnknownId = unchecked((int)reader.Varint()); break;
                case 41: BeginId = unchecked((int)reader.Varint()); break;
                case 42: EndId = unchecked((int)reader.Varint()); break;
                case 43: PadId = unchecked((int)reader.Varint()); break;
                default: reader.Skip(); break;
            }
        }
        return unigram;
    }

    private void ReadNormalizer(ProtoReader reader, string path)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2: Map = CharacterMap.Read(reader.Bytes(), path); break;
                case 3: AddDummyPrefix = reader.Varint() != 0; break;
                case 4: RemoveExtraSpace = reader.Varint() != 0; break;
                case 5: EscapeSpace = reader.Varint() != 0; break;
                default: reader.Skip(); break;
            }
        }
    }
}
