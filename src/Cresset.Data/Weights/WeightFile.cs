using Cresset.Tensors;

namespace Cresset.Data;

/// <summary>
/// Opens tensors of any format that is read: what <see cref="TensorFile"/> opens, and NumPy's <c>.npz</c> and <c>.npy</c>.
/// </summary>
public static class WeightFile
{
    /// <summary>Opens a file by what is in it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="section">Which state dict of a PyTorch checkpoint that holds several; null takes the only one.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or holds several state dicts and none was chosen.</exception>
    /// <exception cref="ArgumentException">A section is named and the format has none.</exception>
    public static ITensorSource Open(string path, string? section = null)
    {
        if (Directory.Exists(path))
            throw new FileNotFoundException($"{path} is a folder; name a file in it (weights, or the *.index.json of shards).", path);
        if (!IsNumPy(path)) return TensorFile.Open(path, section);
        if (section is not null)
            throw new ArgumentException($"{path} has no sections; '{section}' can only be chosen in a PyTorch checkpoint.",
                nameof(section));
        return NumPySource.Open(path);
    }

    private static bool IsNumPy(string path)
    {
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) return false;
        var kind = TensorFile.Kind(path);
        if (kind == TensorFileKind.NumPy) return true;
        // Both are zip archives; torch.save's has a record data.pkl.
        if (kind != TensorFileKind.TorchZip) return false;
        return path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase)
            || !NpzFile.Open(path, archive => archive.Entries.Any(e => e.Name == "data.pkl"))
            && NpzFile.Names(path).Count > 0;
    }
}
