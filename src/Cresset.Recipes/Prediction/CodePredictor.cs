using Cresset.Data;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Answers with the codes of a picture, brought to the size that the tokenizer learned from.</summary>
internal sealed class CodePredictor(Tokenizer tokenizer, int padding, DataFacts facts) : ModulePredictor((nn.Module)tokenizer, facts)
{
    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var levels = tokenizer.Encode(padding == 0 ? inputs : nn.functional.pad(inputs, [padding, padding, padding, padding]));
        // One map keeps its shape; those of several levels stand one after the other, the coarsest first.
        long[]? shape = levels.Count == 1 ? levels[0].shape[1..] : null;
        var all = cat([.. levels.Select(level => level.reshape(level.size(0), -1))], 1).cpu().contiguous();
        var codes = all.data<long>().ToArray();
        var each = (int)all.size(1);
        return [
            .. names.Select(
                (name, i) => new Prediction(name) { Codes = codes[(i * each)..((i + 1) * each)], CodesShape = shape ?? [each] })];
    }
}
