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
        var source = new FolderData { Path = options.Data, Size = options.Size, Channels = options.Channels, Split = new ShareSplit { Validation = 0 } };
        using var split = source.Open(new DataUse(TargetKind.None, NeedsPictures: true));
        using var scope = NewDisposeScope();
        Batch train = split.Train.Take(int.MaxValue), test = split.Test!.Take(int.MaxValue);
        return (new TensorDataset(train.Inputs, train.Targets), new TensorDataset(test.Inputs, test.Targets));
    }
}
