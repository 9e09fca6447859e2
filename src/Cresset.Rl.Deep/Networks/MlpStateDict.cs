using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>The parameters of an <see cref="MlpNetwork"/> under PyTorch's keys and shapes: weights [outputs, inputs].</summary>
internal static class MlpStateDict
{
    public static void Save(MlpNetwork network, Snapshot state, string prefix = "")
    {
        foreach (var (key, rows, layer, start) in Entries(network.Layers))
        {
            var values = new float[rows * layer.Outputs];
            for (var i = 0; i < rows; i++)
            {
                for (var o = 0; o < layer.Outputs; o++) values[(o * rows) + i] = network.Parameters[start + (i * layer.Stride) + o];
            }
            if (key.Contains("weight", StringComparison.Ordinal) && key.StartsWith("layers", StringComparison.Ordinal))
                state.Put(prefix + key, values, layer.Outputs, rows);
            else state.Put(prefix + key, values);
        }
    }

    public static void Load(MlpNetwork network, Snapshot state, string prefix = "")
    {
        foreach (var (key, rows, layer, start) in Entries(network.Layers))
        {
            var values = new float[rows * layer.Outputs];
            state.Get(prefix + key, values);
            for (var i = 0; i < rows; i++)
            {
                for (var o = 0; o < layer.Outputs; o++) network.Parameters[start + (i * layer.Stride) + o] = values[(o * rows) + i];
            }
        }
        network.ParametersChanged();
    }

    private static IEnumerable<(string Key, int Rows, MlpLayer Layer, int Start)> Entries(MlpLayer[] layers)
    {
        for (var i = 0; i < layers.Length; i++)
        {
            var layer = layers[i];
            yield return ($"layers.{i}.weight", layer.Inputs, layer, layer.Weight);
            yield return ($"layers.{i}.bias", 1, layer, layer.Bias);
            if (layer.IsNormalized)
            {
                yield return ($"norms.{i}.weight", 1, layer, layer.Gain);
                yield return ($"norms.{i}.bias", 1, layer, layer.Shift);
            }
            if (!layer.IsNoisy) continue;
            yield return ($"layers.{i}.weight_sigma", layer.Inputs, layer, layer.NoiseWeight);
            yield return ($"layers.{i}.bias_sigma", 1, layer, layer.NoiseBias);
        }
    }
}
