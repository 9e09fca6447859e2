using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Cresset.Site.Pages;

/// <summary>What a run of a recipe left: its picture, and its figures as a guide states them.</summary>
internal sealed class Shown
{
    /// <summary>A file under docs/images; empty where only figures are told.</summary>
    public string Picture { get; set; } = "";

    /// <summary>The figures in words.</summary>
    public string Figures { get; set; } = "";

    /// <summary>The page that tells more.</summary>
    public string Guide { get; set; } = "";
}

/// <summary>The recipes that the gallery shows with pictures, from <c>site/gallery.yaml</c>.</summary>
internal static class GalleryList
{
    /// <summary>Reads it: recipe to what it left.</summary>
    public static IReadOnlyDictionary<string, Shown> Read(string file)
        => new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build()
            .Deserialize<Dictionary<string, Shown>>(File.ReadAllText(file));
}
