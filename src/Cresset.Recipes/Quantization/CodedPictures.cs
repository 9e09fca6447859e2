using System.Globalization;
using Cresset.Quantization;

namespace Cresset.Recipes;

/// <summary>The pictures of a file of codes of any version, for one tokenizer: names, sizes, and the codes of each.</summary>
public sealed class CodedPictures : IDisposable
{
    private readonly CodeFile? _file;
    private readonly ICodeCoder? _coder;
    private readonly PackedCodes? _earlier;
    private readonly List<(int Entry, int Map)> _places = [];

    private CodedPictures(CodeFile? file, PackedCodes? earlier, ICodeCoder? coder) => (_file, _earlier, _coder) = (file, earlier, coder);

    /// <summary>Names and sizes, in order.</summary>
    public IReadOnlyList<(string Name, (int Height, int Width) Size)> Pictures { get; private set; } = [];

    /// <summary>What should be known before the pictures are believed.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>Opens a file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, its codes are not those of this tokenizer, or a name in it leads out of
    /// the folder.</exception>
    public static CodedPictures Open(string path, TokenizerRun tokenizer, ICodeCoder? coder)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        CodeFile? file = null;
        PackedCodes? earlier = null;
        if (PackedCodes.IsEarlierFile(path)) earlier = PackedCodes.Read(path, coder);
        else file = CodeFile.Open(path);
        var pictures = new CodedPictures(file, earlier, coder);
        try
        {
            pictures.Check(path, tokenizer);
            return pictures;
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>The codes of a picture, stages innermost.</summary>
    public long[] Read(int number)
    {
        var (entry, map) = _places[number];
        if (_earlier is { } packed)
        {
            var each = packed.Codes.Length / (int)packed.Shape[0];
            return packed.Codes.AsSpan(map * each, each).ToArray();
        }
        var codes = _file!.Read(entry, _coder);
        var length = codes.Length / (int)_file.Entries[entry].Maps;
        return codes.AsSpan(map * length, length).ToArray();
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private void Check(string path, TokenizerRun tokenizer)
    {
        var (sizes, made) = _file is null ? (_earlier!.CodebookSizes, _earlier.Tokenizer) : (_file.CodebookSizes, _file.Tokenizer);
        IReadOnlyList<CodeEntry> entries = _file?.Entries ?? [new CodeEntry("", _earlier!.Shape)];
        if (!sizes.SequenceEqual(tokenizer.CodebookSizes))
            throw new InvalidDataException(
                $"{path} holds codes of codebooks [{string.Join(", ", sizes)}] made by '{made}'; {tokenizer.Id} has "
                    + $"[{string.Join(", ", tokenizer.CodebookSizes)}].");
        if (made.Length > 0 && made != tokenizer.Id)
            Notes = [$"{path} was made by {made}, not {tokenizer.Id}: the pictures may be nonsense."];
        var pictures = new List<(string, (int, int))>();
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            var size = Size(path, entry, tokenizer);
            for (var map = 0; map < entry.Maps; map++)
            {
                _places.Add((i, map));
                pictures.Add(
                    (entry.Name.Length > 0 && entry.Maps == 1 ? Inside(path, entry.Name)
                        : string.Create(CultureInfo.InvariantCulture, $"{pictures.Count:00000}.png"), size));
            }
        }
        Pictures = pictures;
    }

    private static (int Height, int Width) Size(string path, CodeEntry entry, TokenizerRun tokenizer)
    {
        if (entry.Attributes.TryGetValue("width", out var wide) && entry.Attributes.TryGetValue("height", out var high))
        {
            if (int.TryParse(wide, NumberStyles.None, CultureInfo.InvariantCulture, out var width)
                && int.TryParse(high, NumberStyles.None, CultureInfo.InvariantCulture, out var height) && width > 0 && height > 0)
            {
                // The size decides how much is decoded: it must be that of the codes.
                if (tokenizer.PositionsOf(height, width).SequenceEqual(entry.MapShape)) return (height, width);
                throw new InvalidDataException(
                    $"{path}: '{entry.Name}' has a map of [{string.Join(", ", entry.MapShape)}] codes; a picture of {width}x{height} has "
                        + $"[{string.Join(", ", tokenizer.PositionsOf(height, width))}] with {tokenizer.Id}.");
            }
            throw new InvalidDataException($"{path}: the size of '{entry.Name}' is {wide}x{high}, which is none.");
        }
        if (!entry.MapShape.SequenceEqual(tokenizer.Positions))
            throw new InvalidDataException(
                $"{path} holds maps of [{string.Join(", ", entry.MapShape)}] codes without the size of their pictures; {tokenizer.Id} has "
                    + $"maps of [{string.Join(", ", tokenizer.Positions)}].");
        return (tokenizer.Size, tokenizer.Size);
    }

    // A file from elsewhere must not write beside the folder it is decoded into.
    internal static string Inside(string path, string name)
    {
        var parts = name.Split('/', '\\');
        if (name.Contains('\0', StringComparison.Ordinal) || name.Contains(':', StringComparison.Ordinal) || Path.IsPathRooted(name)
            || parts.Any(part => part is "" or "." or ".."))
            throw new InvalidDataException($"{path}: the name '{name}' leads out of the folder.");
        return name;
    }
}
