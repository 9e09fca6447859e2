using Cresset.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The pictures of a tokenizer: digits, Fashion-MNIST, or a folder of which every tenth is held back.</summary>
internal static class TokenizerData
{
    public static (TensorDataset Train, TensorDataset Test) Load(TokenizerOptions options)
    {
        var (train, test) = options.Data switch
        {
            "digits" => ImageClassification.Digits(),
            "fashion" => ImageClassification.FashionMnist(),
            _ => Folder(options),
        };
        return options.Padding == 0 ? (train, test) : (Pad(train, options.Padding), Pad(test, options.Padding));
    }

    private static TensorDataset Pad(TensorDataset data, int border)
    {
        using (data)
        {
            return new TensorDataset(nn.functional.pad(data.Inputs, [border, border, border, border]).DetachFromDisposeScope(), data.Targets?.clone().DetachFromDisposeScope());
        }
    }

    private static (TensorDataset Train, TensorDataset Test) Folder(TokenizerOptions options)
    {
        using var scope = NewDisposeScope();
        var folder = new ImageFolder(options.Data, new() { Size = options.Size, Channels = options.Channels });
        if (folder.Count < 10) throw new InvalidDataException($"{options.Data} holds {folder.Count} pictures; at least 10 are needed, one in ten is held back.");
        var batches = Loader.Once(folder, 256).ToList();
        Tensor images = cat([.. batches.Select(b => b.Inputs)]), labels = cat([.. batches.Select(b => b.Targets!)]);
        var all = Enumerable.Range(0, folder.Count).Select(i => (long)i).ToLookup(i => i % 10 == 9);
        TensorDataset Part(bool test)
        {
            var chosen = tensor(all[test].ToArray());
            return new TensorDataset(images.index_select(0, chosen).DetachFromDisposeScope(), labels.index_select(0, chosen).DetachFromDisposeScope());
        }
        return (Part(false), Part(true));
    }
}
