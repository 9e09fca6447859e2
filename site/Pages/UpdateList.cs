using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Cresset.Site.Pages;

/// <summary>One piece of news.</summary>
internal sealed class Update
{
    /// <summary>Its day, as year-month-day.</summary>
    public string Date { get; set; } = "";

    /// <summary>"article", "recipe" or "release".</summary>
    public string Kind { get; set; } = "";

    /// <summary>Its title.</summary>
    public string Title { get; set; } = "";

    /// <summary>One or two sentences.</summary>
    public string Summary { get; set; } = "";

    /// <summary>A file under docs/images.</summary>
    public string Picture { get; set; } = "";

    /// <summary>The page in the site.</summary>
    public string Link { get; set; } = "";

    /// <summary>Its title for Chinese readers; empty where there is no Chinese page of it.</summary>
    public string ChineseTitle { get; set; } = "";

    /// <summary>Its summary for Chinese readers.</summary>
    public string ChineseSummary { get; set; } = "";

    /// <summary>The same news with the Chinese page, where there is one.</summary>
    public Update InChinese() => ChineseTitle.Length == 0 ? this
        : new() { Date = Date, Kind = "文章", Title = ChineseTitle, Summary = ChineseSummary, Picture = Picture, Link = $"zh/{Link}" };

    /// <summary>The day.</summary>
    [YamlIgnore]
    public DateOnly Day => DateOnly.ParseExact(Date, "yyyy-MM-dd", CultureInfo.InvariantCulture);
}

/// <summary>The news in <c>site/updates.yaml</c>, the newest first.</summary>
/// <param name="Items">The news.</param>
internal sealed record UpdateList(IReadOnlyList<Update> Items)
{
    /// <summary>Reads them; a date, title, summary, picture or link that is missing is an error.</summary>
    public static UpdateList Read(string file)
    {
        var items = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build()
            .Deserialize<List<Update>>(File.ReadAllText(file));
        foreach (var item in items)
        {
            if (item.Day == default
                || new[] { item.Kind, item.Title, item.Summary, item.Picture, item.Link }.Any(string.IsNullOrWhiteSpace))
            {
                throw new FormatException($"{file}: '{item.Title}' ({item.Date}) lacks one of kind, title, summary, picture, link.");
            }
        }
        return new([.. items.OrderByDescending(i => i.Day)]);
    }
}
