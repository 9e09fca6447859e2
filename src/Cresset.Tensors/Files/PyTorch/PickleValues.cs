namespace Cresset.Tensors;

/// <summary>A class or function that a pickle names; never looked up, never called.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName => $"{Module}.{Name}";

    public override string ToString() => FullName;
}

/// <summary>Which of Python's containers a <see cref="PickleSequence"/> was.</summary>
internal enum PickleSequenceKind
{
    List,
    Tuple,
    Set,
}

/// <summary>A list, tuple or set.</summary>
internal sealed class PickleSequence(PickleSequenceKind kind)
{
    private static readonly List<object?> None = [];
    private List<object?>? _items;

    public PickleSequenceKind Kind { get; } = kind;

    public IReadOnlyList<object?> Items => _items ?? None;

    public void AddRange(IEnumerable<object?> items) => (_items ??= []).AddRange(items);
}

/// <summary>A dictionary in the order of insertion, also of a subclass such as OrderedDict.</summary>
internal sealed class PickleDict
{
    private readonly List<KeyValuePair<object?, object?>> _items = [];
    private Dictionary<object, int>? _places;

    public IReadOnlyList<KeyValuePair<object?, object?>> Items => _items;

    public object? this[string key] => _places is not null && _places.TryGetValue(key, out var at) ? _items[at].Value : null;

    public bool Contains(string key) => _places is not null && _places.ContainsKey(key);

    /// <summary>Sets a value; a repeated text or number takes the place of the first, as in Python.</summary>
    public void Set(object? key, object? value)
    {
        if (key is string or long or bool)
        {
            _places ??= [];
            if (_places.TryGetValue(key, out var at))
            {
                _items[at] = new(key, value);
                return;
            }
            _places.Add(key, _items.Count);
        }
        _items.Add(new(key, value));
    }
}

/// <summary>An object of a class that is not known: its parts are kept as data.</summary>
internal sealed class PickleObject(string type, PickleSequence arguments)
{
    public string Type { get; } = type;

    public PickleSequence Arguments { get; } = arguments;

    /// <summary>What would have become its attributes.</summary>
    public object? State { get; set; }

    /// <summary>What would have been appended to it, or null.</summary>
    public PickleSequence? Appended { get; set; }

    /// <summary>What would have been set in it, or null.</summary>
    public PickleDict? Entries { get; set; }

    /// <summary>The attributes: the state itself, or the dictionary in it where slots come along.</summary>
    public PickleDict? Attributes => State as PickleDict ?? (State is PickleSequence { Items: [PickleDict own, ..] } ? own : null);
}
