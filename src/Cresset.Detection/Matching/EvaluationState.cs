using System.Text;

namespace Cresset.Detection;

/// <summary>The matches of all categories with what is needed to join them with those of other shards.</summary>
internal sealed class EvaluationState(string fingerprint, int layers)
{
    private const uint Magic = 0x31454443;
    private readonly SortedDictionary<long, CategoryMatches> _categories = [];
    private readonly HashSet<long> _images = [];

    /// <summary>Protocol and options as text; states join only when it is equal.</summary>
    public string Fingerprint => fingerprint;

    public int Layers => layers;

    public IReadOnlyCollection<long> Images => _images;

    public IEnumerable<long> CategoryIds => _categories.Keys;

    public CategoryMatches Category(long id)
    {
        if (!_categories.TryGetValue(id, out var matches)) _categories[id] = matches = new CategoryMatches(id, layers);
        return matches;
    }

    public CategoryMatches? Find(long id) => _categories.GetValueOrDefault(id);

    public void Put(CategoryMatches matches) => _categories[matches.CategoryId] = matches;

    public void AddImage(long id)
    {
        if (!_images.Add(id))
        {
            throw new ArgumentException($"image {id} was added before; every image is added once, with all its objects and detections.",
                nameof(id));
        }
    }

    public void AddImages(IEnumerable<long> ids)
    {
        foreach (var id in ids) AddImage(id);
    }

    public void Merge(EvaluationState other)
    {
        if (other.Fingerprint != fingerprint)
        {
            throw new ArgumentException(
                $"evaluators of different protocols or options cannot be merged: {fingerprint} and {other.Fingerprint}.", nameof(other));
        }
        foreach (var id in other._images)
        {
            if (_images.Contains(id))
            {
                throw new ArgumentException($"image {id} is in both evaluators; shards must not share images.", nameof(other));
            }
        }
        foreach (var id in other._images) _images.Add(id);
        foreach (var (id, source) in other._categories)
        {
            var target = Category(id);
            target.Reserve(target.Segments + source.Segments, target.Detections + source.Detections);
            for (var s = 0; s < source.Segments; s++) target.CopySegment(source, s);
        }
    }

    public void Write(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(fingerprint);
        writer.Write(layers);
        writer.Write(_images.Count);
        foreach (var id in _images.Order()) writer.Write(id);
        writer.Write(_categories.Count);
        // Canonical order, so that equal states give equal bytes whatever the order of additions was.
        foreach (var matches in _categories.Values) matches.InImageOrder().Write(writer);
    }

    public static EvaluationState Read(Stream stream)
    {
        if (!stream.CanSeek)
        {
            // Counts are checked against what is left before memory is taken for them.
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            copy.Position = 0;
            stream = copy;
        }
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        try
        {
            if (reader.ReadUInt32() != Magic) throw new InvalidDataException("This is not the saved state of an evaluator.");
            var state = new EvaluationState(reader.ReadString(), reader.ReadInt32());
            if (state.Layers is < 1 or > 1024)
            {
                throw new InvalidDataException("The state of the evaluator is damaged: the number of layers is wrong.");
            }
            var images = reader.ReadInt32();
            for (var i = 0; i < images; i++) state._images.Add(reader.ReadInt64());
            var categories = reader.ReadInt32();
            for (var i = 0; i < categories; i++) state.Put(CategoryMatches.Read(reader, state.Layers));
            return state;
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException("The saved state of the evaluator is cut off.");
        }
    }
}
