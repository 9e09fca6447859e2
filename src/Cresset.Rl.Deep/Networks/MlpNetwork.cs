using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// A small fully connected network in managed code: forward, backward and Adam with 512- or 256-bit vectors, no allocation per pass and
/// none of the microseconds that each tensor operation costs. Made for layers of up to about 256 units; beyond, libtorch is as fast.
/// One object computes on one thread at a time; the same seed gives the same bits.
/// </summary>
internal sealed unsafe class MlpNetwork
{
    private readonly AlignedFloats _parameters;
    private readonly AlignedFloats _gradients;
    private readonly AlignedFloats[] _transposed;
    private readonly AlignedFloats?[] _noised;
    private readonly AlignedFloats?[] _noise;
    private bool _isTransposed;

    /// <summary>A network with PyTorch's starting weights: uniform within 1 over the root of a layer's inputs.</summary>
    /// <exception cref="InvalidOptionsException">The shape is not valid.</exception>
    public MlpNetwork(MlpShape shape, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Shape = shape.ThrowIfInvalid();
        Layers = MlpLayer.Lay(shape, out var length);
        _parameters = new AlignedFloats(length);
        _gradients = new AlignedFloats(length);
        _transposed = Array.ConvertAll(Layers, l => new AlignedFloats(l == Layers[0] ? 0 : l.Outputs * AlignedFloats.Stride(l.Inputs)));
        _noised = Array.ConvertAll(Layers, l => l.IsNoisy ? new AlignedFloats((l.Inputs + 1) * l.Stride) : null);
        _noise = Array.ConvertAll(Layers, l => l.IsNoisy ? new AlignedFloats(l.Inputs + l.Stride) : null);
        foreach (var layer in Layers) Initialize(layer, random);
        ClearNoise();
    }

    /// <summary>The layers' widths.</summary>
    public MlpShape Shape { get; }

    /// <summary>
    /// All parameters in one vector, layer by layer: weights [inputs, outputs padded to an odd number of 16s], bias, then gain and shift of
    /// a norm, then noise weights and bias. Padding is zero. Call <see cref="ParametersChanged"/> after writing.
    /// </summary>
    public Span<float> Parameters => _parameters.Span;

    /// <summary>Gradients of the last <see cref="Backward"/>, laid out as <see cref="Parameters"/>.</summary>
    public ReadOnlySpan<float> Gradients => _gradients.Span;

    /// <summary>Number of parameters without padding.</summary>
    public int ParameterCount => Layers.Sum(l => ((l.Inputs + 1) * l.Outputs * (l.IsNoisy ? 2 : 1)) + (l.IsNormalized ? 2 * l.Outputs : 0));

    internal MlpLayer[] Layers { get; }

    internal float* ParameterPointer => _parameters.Pointer;

    internal float* GradientPointer => _gradients.Pointer;

    internal int Length => _parameters.Length;

    /// <summary>Memory for passes of up to <paramref name="maxRows"/> rows.</summary>
    public MlpWorkspace CreateWorkspace(int maxRows, bool withGradients = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        return new MlpWorkspace(this, maxRows, withGradients);
    }

    /// <summary>Computes the outputs of <paramref name="rows"/> rows into <c>workspace.Output</c>.</summary>
    /// <param name="workspace">Made by this network or one of the same shape.</param>
    /// <param name="input">[rows, Inputs].</param>
    /// <param name="rows">Number of rows, at most the workspace's.</param>
    /// <param name="noise">Whether noisy layers use the noise last drawn; without it their means act.</param>
    /// <exception cref="ArgumentException">The input does not hold that many rows.</exception>
    public void Forward(MlpWorkspace workspace, ReadOnlySpan<float> input, int rows, bool noise = true)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        if ((uint)rows > (uint)workspace.MaxRows || rows == 0)
            throw new ArgumentOutOfRangeException(nameof(rows), rows, $"The workspace takes 1 to {workspace.MaxRows} rows.");
        if (input.Length != rows * Shape.Inputs)
            throw new ArgumentException($"{input.Length} values were given; {rows} rows of {Shape.Inputs} are {rows * Shape.Inputs}.",
                nameof(input));
        input.CopyTo(workspace.Input.Span);
        workspace.Rows = rows;
        var x = workspace.Input.Pointer;
        var stride = Shape.Inputs;
        for (var i = 0; i < Layers.Length; i++)
        {
            var layer = Layers[i];
            var y = workspace.Outputs[i].Pointer;
            var noised = noise ? _noised[i] : null;
            var weight = noised is null ? _parameters.Pointer + layer.Weight : noised.Pointer;
            var bias = noised is null ? _parameters.Pointer + layer.Bias : weight + (layer.Inputs * layer.Stride);
            DenseKernels.Multiply(x, stride, 1, weight, layer.Stride, bias, y, layer.Stride, rows, layer.Width, layer.Inputs);
            if (layer.IsNormalized)
                DenseKernels.Normalize(y, workspace.Normalized[i]!.Pointer, workspace.Inverse[i]!.Pointer, _parameters.Pointer + layer.Gain,
                    _parameters.Pointer + layer.Shift, rows, layer.Outputs, layer.Stride);
            if (i < Layers.Length - 1)
            {
                if (Shape.Activation == MlpActivation.Tanh) DenseKernels.Tanh(y, rows * layer.Stride);
                else DenseKernels.Rectify(y, rows * layer.Stride);
            }
            x = y;
            stride = layer.Stride;
        }
    }

    /// <summary>
    /// Computes <see cref="Gradients"/> from <c>workspace.OutputGradient</c> after a <see cref="Forward"/> with the same workspace.
    /// </summary>
    /// <exception cref="ArgumentException">The workspace was made without gradients.</exception>
    public void Backward(MlpWorkspace workspace) => GoBack(workspace);

    /// <summary>The way back, with more to choose.</summary>
    /// <param name="workspace">That of the forward pass.</param>
    /// <param name="parameters">Whether the parameters' gradients are wanted; without them only <see cref="AddInputGradient"/>
    /// follows.</param>
    /// <param name="hiddenGradient">Added to the gradient by the last hidden layer, [rows, that layer's stride]; empty for none.</param>
    internal void GoBack(MlpWorkspace workspace, bool parameters = true, ReadOnlySpan<float> hiddenGradient = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        if (workspace.Gradients.Length == 0) throw new ArgumentException("The workspace was made without gradients.", nameof(workspace));
        if (!_isTransposed) Transpose();
        var rows = workspace.Rows;
        for (var i = Layers.Length - 1; i >= 0; i--)
        {
            var layer = Layers[i];
            var gradient = workspace.Gradients[i].Pointer;
            if (i < Layers.Length - 1)
            {
                if (Shape.Activation == MlpActivation.Tanh)
                    DenseKernels.TanhBack(gradient, workspace.Outputs[i].Pointer, rows * layer.Stride);
                else DenseKernels.MaskByOutput(gradient, workspace.Outputs[i].Pointer, rows * layer.Stride);
            }
            if (layer.IsNormalized)
            {
                DenseKernels.NormalizeBack(gradient, workspace.Normalized[i]!.Pointer, workspace.Inverse[i]!.Pointer,
                    _parameters.Pointer + layer.Gain,
                    _gradients.Pointer + layer.Gain, _gradients.Pointer + layer.Shift, rows, layer.Outputs, layer.Stride);
            }
            var x = i == 0 ? workspace.Input.Pointer : workspace.Outputs[i - 1].Pointer;
            var stride = i == 0 ? Shape.Inputs : Layers[i - 1].Stride;
            if (parameters)
            {
                DenseKernels.Multiply(x, 1, stride, gradient, layer.Stride, null, _gradients.Pointer + layer.Weight, layer.Stride,
                    layer.Inputs, layer.Width, rows);
                DenseKernels.SumRows(gradient, _gradients.Pointer + layer.Bias, rows, layer.Stride);
                if (layer.IsNoisy) NoiseGradient(i);
            }
            if (i == 0) break;
            var before = Layers[i - 1];
            DenseKernels.Multiply(gradient, layer.Stride, 1, _transposed[i].Pointer, before.Stride, null,
                workspace.Gradients[i - 1].Pointer, before.Stride, rows, before.Width, layer.Outputs);
            if (i != Layers.Length - 1 || hiddenGradient.IsEmpty) continue;
            var into = workspace.Gradients[i - 1].Span;
            for (var k = 0; k < rows * before.Stride; k++) into[k] += hiddenGradient[k];
        }
    }

    /// <summary>Adds the gradient by some of the inputs, after a <see cref="Backward(MlpWorkspace)"/>.</summary>
    /// <param name="workspace">That of the way back.</param>
    /// <param name="first">First input.</param>
    /// <param name="count">Number of inputs.</param>
    /// <param name="gradient">Is added to, [rows, count].</param>
    internal void AddInputGradient(MlpWorkspace workspace, int first, int count, Span<float> gradient)
    {
        var layer = Layers[0];
        for (var row = 0; row < workspace.Rows; row++)
        {
            var slopes = workspace.Gradients[0].Span.Slice(row * layer.Stride, layer.Outputs);
            for (var k = 0; k < count; k++)
            {
                gradient[(row * count) + k] += Dot(slopes, Parameters.Slice(layer.Weight + ((first + k) * layer.Stride), layer.Outputs));
            }
        }
    }

    /// <summary>Must follow any change of <see cref="Parameters"/> from outside.</summary>
    public void ParametersChanged()
    {
        _isTransposed = false;
        ApplyNoise();
    }

    /// <summary>Draws new noise for the noisy layers (factorised: f(x) = sign(x) root |x|).</summary>
    public void DrawNoise(RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(random);
        for (var i = 0; i < Layers.Length; i++)
        {
            if (_noise[i] is not { } noise) continue;
            var layer = Layers[i];
            for (var k = 0; k < layer.Inputs + layer.Outputs; k++)
            {
                var x = (float)random.NextNormal();
                noise.Span[k] = MathF.CopySign(MathF.Sqrt(MathF.Abs(x)), x);
            }
        }
        ParametersChanged();
    }

    /// <summary>Turns the noise off: the means alone act.</summary>
    public void ClearNoise()
    {
        foreach (var noise in _noise) noise?.Span.Clear();
        ParametersChanged();
    }

    /// <summary>
    /// Takes over the parameters of <paramref name="other"/> of the same shape: whole (share 1) or moved towards them by
    /// <paramref name="share"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public void Follow(MlpNetwork other, double share = 1)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Length != Length) throw new ArgumentException($"The networks have {Length} and {other.Length} values.", nameof(other));
        if (share == 1) other.Parameters.CopyTo(Parameters);
        else DenseKernels.Approach(_parameters.Pointer, other._parameters.Pointer, (float)share, Length);
        ParametersChanged();
    }

    internal Span<float> NoiseOf(int layer) => _noise[layer] is { } noise ? noise.Span : [];

    private void Transpose()
    {
        for (var i = 1; i < Layers.Length; i++)
        {
            var weight = _noised[i] is { } noised ? noised.Pointer : _parameters.Pointer + Layers[i].Weight;
            DenseKernels.Transpose(weight, Layers[i].Stride, _transposed[i].Pointer, AlignedFloats.Stride(Layers[i].Inputs),
                Layers[i].Inputs, Layers[i].Outputs);
        }
        _isTransposed = true;
    }

    private void ApplyNoise()
    {
        for (var i = 0; i < Layers.Length; i++)
        {
            if (_noised[i] is not { } noised) continue;
            var layer = Layers[i];
            var into = _noise[i]!.Pointer;
            var outOf = _noise[i]!.Pointer + layer.Inputs;
            for (var row = 0; row <= layer.Inputs; row++)
            {
                // The row behind the weights is the bias, whose noise is that of the outputs alone.
                var isBias = row == layer.Inputs;
                var mean = _parameters.Pointer + (isBias ? layer.Bias : layer.Weight + (row * layer.Stride));
                var sigma = _parameters.Pointer + (isBias ? layer.NoiseBias : layer.NoiseWeight + (row * layer.Stride));
                Combine(mean, sigma, outOf, isBias ? 1 : into[row], noised.Pointer + (row * layer.Stride), layer.Stride);
            }
        }
    }

    private void NoiseGradient(int i)
    {
        var layer = Layers[i];
        var into = _noise[i]!.Pointer;
        var outOf = _noise[i]!.Pointer + layer.Inputs;
        for (var row = 0; row <= layer.Inputs; row++)
        {
            var isBias = row == layer.Inputs;
            var mean = _gradients.Pointer + (isBias ? layer.Bias : layer.Weight + (row * layer.Stride));
            var sigma = _gradients.Pointer + (isBias ? layer.NoiseBias : layer.NoiseWeight + (row * layer.Stride));
            Combine(null, mean, outOf, isBias ? 1 : into[row], sigma, layer.Stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Combine(float* mean, float* sigma, float* outOf, float factor, float* to, int length)
    {
        for (var k = 0; k < length; k++) to[k] = (mean == null ? 0 : mean[k]) + (sigma[k] * factor * outOf[k]);
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var left = MemoryMarshal.Cast<float, Vector256<float>>(a);
        var right = MemoryMarshal.Cast<float, Vector256<float>>(b);
        var sums = Vector256<float>.Zero;
        for (var i = 0; i < left.Length; i++) sums += left[i] * right[i];
        var sum = Vector256.Sum(sums);
        for (var i = left.Length * Vector256<float>.Count; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    private void Initialize(MlpLayer layer, RandomStream random)
    {
        var bound = 1 / Math.Sqrt(layer.Inputs);
        for (var i = 0; i <= layer.Inputs; i++)
        {
            var row = Parameters.Slice(i == layer.Inputs ? layer.Bias : layer.Weight + (i * layer.Stride), layer.Outputs);
            foreach (ref var value in row) value = (float)random.Uniform(-bound, bound);
            if (layer.IsNoisy)
                Parameters.Slice(i == layer.Inputs ? layer.NoiseBias : layer.NoiseWeight + (i * layer.Stride), layer.Outputs)
                    .Fill((float)(Shape.NoiseScale * bound));
        }
        if (layer.IsNormalized) Parameters.Slice(layer.Gain, layer.Outputs).Fill(1);
    }
}
