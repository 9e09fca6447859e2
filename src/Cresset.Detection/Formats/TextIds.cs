using System.Globalization;

namespace Cresset.Detection;

/// <summary>
/// Ids that are texts (file stems, UUIDs). While a file is read each gets a provisional number; once all are known they are numbered in the
/// order of their texts, which is the order of the reference tool for equal scores.
/// </summary>
internal sealed class TextIds
{
    private const long First = long.MinValue;
    private const long Room = 1L << 40;
    private readonly Dictionary<string, long> _provisional = new(StringComparer.Ordinal);
    private readonly List<string> _texts = [];
    private Dictionary<long, long> _final = [];

    public bool Any => _provisional.Count > 0;

    public long Of(string text)
    {
        if (_provisional.TryGetValue(text, out var id)) return id;
        id = First + _texts.Count;
        _texts.Add(text);
        return _provisional[text] = id;
    }

    public static bool IsProvisional(long id) => id < First + Room;

    public void Number(IReadOnlySet<long> taken)
    {
        _final = new Dictionary<long, long>(_provisional.Count);
        long next = 1;
        foreach (var (text, id) in _provisional.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            // A reference "7" to a record whose id is the number 7.
            if (!taken.Contains(id) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                && taken.Contains(number))
            {
                _final[id] = number;
                MetNumbers++;
                continue;
            }
            while (taken.Contains(next)) next++;
            _final[id] = next++;
        }
    }

    /// <summary>How many texts were taken as the number that they write.</summary>
    public int MetNumbers { get; private set; }

    /// <summary>The text that got a number of its own, or null.</summary>
    public string? TextOfFinal(long number) =>
        _provisional.FirstOrDefault(p => _final.TryGetValue(p.Value, out var own) && own == number).Key;

    /// <summary>The number of an id that may be provisional.</summary>
    public long Final(long id) => IsProvisional(id) && _final.TryGetValue(id, out var number) ? number : id;

    /// <summary>The texts by their numbers.</summary>
    public Dictionary<long, string> Texts()
    {
        var texts = new Dictionary<long, string>(_provisional.Count);
        foreach (var (text, id) in _provisional) texts.TryAdd(_final[id], text);
        return texts;
    }

    /// <summary>The text behind a provisional id, or null.</summary>
    public string? TextOf(long id) => IsProvisional(id) && id - First < _texts.Count ? _texts[(int)(id - First)] : null;
}
