namespace Cresset.Onnx;

/// <summary>
/// A model in a folder of its own beside its place, under its own name, so that it can be run before it replaces anything.
/// </summary>
internal sealed class WrittenModel : IDisposable
{
    private readonly string _path, _folder;
    private bool _hasData;

    public WrittenModel(string path)
    {
        _path = System.IO.Path.GetFullPath(path);
        // A rename would put a file in the place of the device.
        if (_path.StartsWith("/dev/", StringComparison.Ordinal) && File.Exists(_path))
            throw new IOException($"{path} is a device; a model and its weights are written to a file.");
        _folder = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(_path)!,
            $".{System.IO.Path.GetFileName(path)}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(_folder);
    }

    /// <summary>Where the model lies until it is taken to its place.</summary>
    public string Path => System.IO.Path.Combine(_folder, System.IO.Path.GetFileName(_path));

    public FileStream CreateModel() => new(Path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);

    public FileStream CreateData()
    {
        _hasData = true;
        return new(Path + ".data", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
    }

    /// <summary>Takes the file to its place. The weights go first: a model never stands there without them.</summary>
    public void Commit()
    {
        if (_hasData) File.Move(Path + ".data", _path + ".data", overwrite: true);
        File.Move(Path, _path, overwrite: true);
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }
}
