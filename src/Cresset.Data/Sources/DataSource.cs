using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// A data set that can be named: in a recipe (<c>data: {kind: folder, path: pets}</c>), on the command line and in code alike. A user's own
/// record derives from it and makes its parts with <see cref="DataSplit.FromTensors"/> or from datasets of its own.
/// </summary>
[PartKind("data", FromText = nameof(FromText))]
public abstract record DataSource : IOptionsRecord
{
    /// <summary>Height and width of its pictures where the options tell them; null for tables and for what must be opened first.</summary>
    public virtual (int Channels, int Height, int Width)? PictureShape => null;

    /// <summary>
    /// The source that reads a path: a folder of pictures or of sounds, a folder with IDX files, a .csv, .tsv, .npy, .npz, .safetensors or
    /// .wav file. Null where nothing lies there.
    /// </summary>
    public static DataSource? FromText(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
            return IdxData.IsFolder(path) ? new IdxData { Path = path } : SoundFiles.AreIn(path) ? new AudioData { Path = path }
                : new FolderData { Path = path };
        if (!File.Exists(path)) return null;
        return System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".csv" or ".tsv" or ".txt" or ".data" => new CsvData { Path = path },
            ".npy" => new NpyData { Path = path },
            ".npz" => new NpzData { Path = path },
            ".safetensors" => new SafetensorsData { Path = path },
            ".wav" or ".wave" => new AudioData { Path = path },
            _ => null,
        };
    }

    /// <summary>Reads or lists the data and divides them.</summary>
    /// <param name="use">What the caller learns from them.</param>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="DirectoryNotFoundException">A folder is missing.</exception>
    /// <exception cref="InvalidDataException">The data are damaged, or lack what <paramref name="use"/> asks for.</exception>
    public abstract DataSplit Open(DataUse use);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>What stands beside an input.</summary>
public enum TargetKind
{
    /// <summary>Nothing: the inputs are learned themselves.</summary>
    None,

    /// <summary>The index of a class, int64 [N].</summary>
    Class,

    /// <summary>Numbers, float32 [N, 1].</summary>
    Number,

    /// <summary>The class of each pixel, int64 [N, H, W]; -1 counts nowhere.</summary>
    Mask,

    /// <summary>The index of a caption, int64 [N].</summary>
    Caption,

    /// <summary>The next token at each place, int64 [N, L]; -1 counts nowhere.</summary>
    Token,
}

/// <summary>What a task needs of a data set.</summary>
/// <param name="Target">What is to be learned beside the inputs.</param>
/// <param name="NeedsPictures">Inputs must be pictures [C, H, W].</param>
/// <param name="NumbersOnly">Inputs must be numbers, without columns of classes.</param>
/// <param name="Context">Tokens per block of text; 0 for tasks that learn no texts.</param>
/// <param name="TakesSounds">Inputs are sounds [C, L] with the rate in <see cref="DataFacts.Sound"/>, and nothing else.</param>
public sealed record DataUse(TargetKind Target, bool NeedsPictures = false, bool NumbersOnly = false, int Context = 0,
    bool TakesSounds = false);
