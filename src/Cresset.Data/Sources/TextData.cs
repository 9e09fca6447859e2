using System.Globalization;
using System.IO.Compression;
using System.Text;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// Texts to learn the next token of: a file, a folder of .txt files, or files by a pattern, one after the other in the order of their
/// names. Without a path the embedded plays of Shakespeare (public domain, 1,115,394 characters).
/// </summary>
[Part("text")]
public sealed record TextData : DataSource
{
    // Tokens are kept as int32, and a .NET array holds no more.
    private const long MostBytes = 1L << 31;

    /// <summary>A file, a folder, or a pattern such as books/*.md; empty for the plays of Shakespeare.</summary>
    public string Path { get; init; } = "";

    /// <summary>What the tokens are.</summary>
    public TextTokens Tokens { get; init; } = new CharacterTokens();

    /// <summary>Share at the end of the text that chooses the best model.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Share behind it that is reported; 0 reports the validation part.</summary>
    public double Test { get; init; }

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (use.Context == 0)
            throw new InvalidDataException($"{Name} is a text; this task learns from pictures or tables. gpt-shakespeare learns texts.");
        var notes = new List<string>();
        var (text, fingerprint) = Read(notes);
        var tokenizer = Tokens.Build(text);
        // Shares are of the characters, so that they do not depend on the tokens; a part never begins inside a character.
        int held = Cut(text, 1 - Validation - Test), reported = Cut(text, 1 - Test);
        TextBlocks Part(int from, int to, int stride, string name)
        {
            var part = text[from..to];
            var tokens = tokenizer.Encode(part);
            if (tokens.Length <= use.Context)
                throw new InvalidDataException(
                    $"{Name}: the {name} part has {tokens.Length:N0} tokens, and a block has {use.Context + 1}; give a longer text or a "
                        + $"smaller context.");
            return new TextBlocks(tokens, use.Context, stride, Characters(part));
        }
        var train = Part(0, held, 1, "training");
        var validation = Validation > 0 ? Part(held, reported, use.Context, "validation") : null;
        var test = Test > 0 ? Part(reported, text.Length, use.Context, "test") : null;
        notes.Add(
            string.Create(CultureInfo.InvariantCulture,
                $"{Name}: {Characters(text):N0} characters, {tokenizer.Count:N0} different tokens, "
                    + $"{train.Length + (validation?.Length ?? 0) + (test?.Length ?? 0):N0} in all."));
        return new DataSplit(
            new DataFacts { Name = Name, Shape = [use.Context], Target = TargetKind.Token, Text = tokenizer.Facts },
            train,
            validation,
            test,
            fingerprint,
            notes);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Nested(Tokens)
        .Within(Validation, 0, 1, includeMax: false)
        .Within(Test, 0, 1, includeMax: false)
        .Must(Validation + Test < 1, Validation + Test, "less than 1 together with test, so that there is something to learn from",
            field: nameof(Validation));

    private string Name => Path.Length == 0 ? "shakespeare" : Path;

    // Unicode scalar values: an emoji is one.
    private static int Characters(string text) => text.Length - text.Count(char.IsLowSurrogate);

    private static int Cut(string text, double share)
    {
        var at = (int)Math.Round(share * text.Length);
        return at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? at + 1 : at;
    }

    private (string Text, DataFingerprint Fingerprint) Read(List<string> notes)
    {
        if (Path.Length == 0)
        {
            using var packed = typeof(TextData).Assembly.GetManifestResourceStream("texts/shakespeare.txt.gz")
                ?? throw new InvalidDataException("The embedded text is missing from Cresset.Data.");
            using var reader = new StreamReader(new GZipStream(packed, CompressionMode.Decompress), Encoding.ASCII);
            var plays = reader.ReadToEnd();
            return (plays,
                DataFingerprint.OfTensors(plays.Length, frombuffer(Encoding.ASCII.GetBytes(plays), TorchSharp.torch.ScalarType.Byte)));
        }
        var files = Files(notes);
        if (files.Sum(f => new FileInfo(f).Length) is var size && size > MostBytes)
            throw new InvalidDataException($"{Path}: {size:N0} bytes of text; at most {MostBytes:N0} fit.");
        var all = new StringBuilder();
        var lineEnds = 0;
        foreach (var file in files)
        {
            var text = ReadFile(file);
            if (text.Contains('\r', StringComparison.Ordinal))
            {
                lineEnds++;
                // Form feeds and Unicode's own separators stay: they are not a line ends of a system.
                text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
            }
            // A file that ends without a line end must not run into the next one.
            if (all.Length > 0 && all[^1] != '\n') all.Append('\n');
            all.Append(text);
        }
        if (lineEnds > 0)
            notes.Add($"{Name}: the line ends of {(files.Count == 1 ? "the file" : $"{lineEnds} files")} (CR LF or CR) were read as LF.");
        return (all.ToString(), DataFingerprint.OfFiles(files.Select(f => (System.IO.Path.GetFileName(f), f, ""))));
    }

    private List<string> Files(List<string> notes)
    {
        if (File.Exists(Path)) return [Path];
        if (Directory.Exists(Path)) return FilesBelow(Path, notes);
        var (folder, pattern) = (System.IO.Path.GetDirectoryName(Path) is { Length: > 0 } parent ? parent : ".",
            System.IO.Path.GetFileName(Path));
        if (!Directory.Exists(folder) || pattern.AsSpan().IndexOfAny('*', '?') < 0)
            throw new FileNotFoundException($"data.path is '{Path}': there is no such file or folder.");
        var found = Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).ToList();
        return found.Count > 0 ? found : throw new FileNotFoundException($"data.path is '{Path}': no file matches.");
    }

    private static List<string> FilesBelow(string folder, List<string> notes)
    {
        List<string> texts = [], hidden = [], others = [];
        foreach (var file in FolderWalk.Files(folder))
        {
            var parts = System.IO.Path.GetRelativePath(folder, file).Split(System.IO.Path.DirectorySeparatorChar);
            if (parts.Any(p => p.StartsWith('.'))) hidden.Add(string.Join('/', parts));
            else if (file.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)) texts.Add(file);
            else others.Add(string.Join('/', parts));
        }
        if (texts.Count == 0)
            throw new FileNotFoundException($"data.path is '{folder}': the folder holds no .txt file"
                + (others.Count > 0 ? $"; others, such as {others[0]}, are named by a pattern ('FOLDER/*.md')." : "."));
        if (hidden.Count > 0) notes.Add($"{folder}: left out {PictureListing.Some(hidden, "hidden file", "hidden files")}.");
        if (others.Count > 0)
            notes.Add($"{folder}: left out {PictureListing.Some(others, "file that is not a .txt", "files that are not .txt")}.");
        return texts;
    }

    private static string ReadFile(string path)
    {
        var bytes = File.ReadAllBytes(path);
        Encoding encoding = bytes switch
        {
            [0xFF, 0xFE, 0, 0, ..] => new UTF32Encoding(false, true, throwOnInvalidCharacters: true),
            [0, 0, 0xFE, 0xFF, ..] => new UTF32Encoding(true, true, throwOnInvalidCharacters: true),
            [0xFF, 0xFE, ..] => new UnicodeEncoding(false, true, throwOnInvalidBytes: true),
            [0xFE, 0xFF, ..] => new UnicodeEncoding(true, true, throwOnInvalidBytes: true),
            _ => new UTF8Encoding(true, throwOnInvalidBytes: true),
        };
        var mark = encoding.Preamble.Length is var length && bytes.AsSpan().StartsWith(encoding.Preamble) ? length : 0;
        try
        {
            var text = encoding.GetString(bytes.AsSpan(mark));
            if (text.Length == 0) throw new InvalidDataException($"{path} is empty.");
            // UTF-16 without its mark reads as letters with such characters between them.
            return text.IndexOf('\0', StringComparison.Ordinal) is var nul and >= 0
                ? throw new InvalidDataException(
                    $"{path} holds the character U+0000 at place {nul + 1:N0}: it is not text, or UTF-16 without a byte order mark. "
                        + "Convert it first (iconv -f utf-16le -t utf-8).")
                : text;
        }
        catch (DecoderFallbackException e)
        {
            var name = encoding switch { UTF8Encoding => "UTF-8", UTF32Encoding => "UTF-32", _ => "UTF-16" };
            throw new InvalidDataException(
                $"{path} is not {name}: byte {mark + Math.Max(0, e.Index):N0} fits no "
                    + $"character. Convert it first (iconv -f latin1 -t utf-8).", e);
        }
    }
}
