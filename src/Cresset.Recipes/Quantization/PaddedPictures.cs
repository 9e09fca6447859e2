using Cresset.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The pictures of a tokenizer with a black border, so that their size suits its strides.</summary>
/// <param name="inner">The pictures, [N, C, H, W].</param>
/// <param name="border">Pixels added on every side.</param>
internal sealed class PaddedPictures(IDataset inner, int border) : IDataset
{
    public int Count => inner.Count;

    /// <summary>The same data with a border; itself where the border is 0.</summary>
    public static IDataset Of(IDataset data, int border) => border == 0 ? data : new PaddedPictures(data, border);

    public IPreparedBatch Prepare(BatchRequest request) => new Padded(inner.Prepare(request), border);

    private sealed class Padded(IPreparedBatch inner, int border) : IPreparedBatch
    {
        public Batch ToBatch()
        {
            var batch = inner.ToBatch();
            using var small = batch.Inputs;
            return batch with { Inputs = nn.functional.pad(small, [border, border, border, border]) };
        }
    }
}
