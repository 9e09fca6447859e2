using System.Text;

namespace Cresset.Detection;

/// <summary>Fields of a record that scoring does not know and that slices and filters may ask for.</summary>
internal static class ImageAttributes
{
    /// <summary>Fields of COCO that say nothing about the picture.</summary>
    private static readonly string[] Passed = ["license", "coco_url", "flickr_url", "date_captured", "url"];

    /// <summary>Keeps a text, number or flag under its name; lists are passed over, objects are opened one level.</summary>
    public static void Take(JsonScanner scanner, ReadOnlySpan<byte> name, ref Dictionary<string, string>? attributes)
    {
        var key = Encoding.UTF8.GetString(name);
        if (scanner.Peek() == '{' && key is "attributes" or "metadata")
        {
            scanner.Expect((byte)'{');
            if (scanner.TryTake((byte)'}')) return;
            do
            {
                Put(scanner, Encoding.UTF8.GetString(scanner.ReadName()), ref attributes);
            }
            while (scanner.NextElement((byte)'}'));
            return;
        }
        if (Array.IndexOf(Passed, key) >= 0) scanner.Skip();
        else Put(scanner, key, ref attributes);
    }

    /// <summary>The texts of a list; null when it holds anything else.</summary>
    public static string[]? Texts(JsonScanner scanner)
    {
        var texts = new List<string>();
        var good = true;
        scanner.Expect((byte)'[');
        if (scanner.TryTake((byte)']')) return [];
        do
        {
            if (scanner.Peek() == '"')
            {
                texts.Add(scanner.ReadText());
                continue;
            }
            scanner.Skip();
            good = false;
        }
        while (scanner.NextElement((byte)']'));
        return good ? [.. texts] : null;
    }

    private static void Put(JsonScanner scanner, string key, ref Dictionary<string, string>? attributes)
    {
        var first = scanner.Peek();
        var value = first == '"' ? scanner.ReadText() : null;
        if (first is (byte)'t' or (byte)'f') value = scanner.TryReadFlag(out var flag) && flag ? "true" : "false";
        else if ((uint)(first - '0') <= 9 || first == '-') value = scanner.ReadNumberText();
        else if (value is null) scanner.Skip();
        if (value is not null) (attributes ??= new(StringComparer.Ordinal))[key] = value;
    }
}

/// <summary>Small helps of the readers.</summary>
internal static class ReaderCollections
{
    /// <summary>A dictionary in which of equal keys the last value counts.</summary>
    public static Dictionary<long, T> ToDictionaryOfLast<T>(this IEnumerable<T> items, Func<T, long> key)
    {
        var result = new Dictionary<long, T>();
        foreach (var item in items) result[key(item)] = item;
        return result;
    }

    /// <summary>A dictionary by name in which of equal names the first counts.</summary>
    public static Dictionary<string, T> ToDictionaryOfFirst<T>(this IEnumerable<T> items, Func<T, string> key)
    {
        var result = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var item in items) result.TryAdd(key(item), item);
        return result;
    }

    public static void Clear<T>(this (List<T> Items, HashSet<long> Ids) list)
    {
        list.Items.Clear();
        list.Ids.Clear();
    }
}
