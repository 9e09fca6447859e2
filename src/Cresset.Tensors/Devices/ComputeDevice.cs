using System.Globalization;
using Cresset.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Finds the device a user asked for.</summary>
public static class ComputeDevice
{
    /// <summary>What a device may be called.</summary>
    internal const string Names = "auto, cpu, cuda or cuda:N";

    /// <summary>Whether a device may be called so, on this machine or on another; with the number of the GPU.</summary>
    internal static bool IsName(string? name, out int index)
    {
        index = 0;
        if (name is "auto" or "cpu" or "cuda") return true;
        return name is not null && name.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }

    /// <summary>"auto" (a GPU when there is one), "cpu", "cuda" or "cuda:N".</summary>
    /// <exception cref="ArgumentException">No such device here; the message says what there is.</exception>
    public static Device Resolve(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name == "cpu") return CPU;
        if (name == "auto") return cuda.is_available() ? CUDA : CPU;
        if (!IsName(name, out var index)) throw new ArgumentException($"Device '{name}'; allowed: auto, cpu, cuda, cuda:N.", nameof(name));
        if (!cuda.is_available())
            throw new ArgumentException(
                $"Device '{name}': this build or machine has no CUDA. Build with -p:CressetBackend=cuda on a machine with an NVIDIA GPU, "
                    + $"or use device=cpu.", nameof(name));
        if (index >= cuda.device_count())
            throw new ArgumentException($"Device '{name}': this machine has {cuda.device_count()} GPUs, numbered from 0.", nameof(name));
        return new Device(DeviceType.CUDA, index);
    }

    /// <summary>True when bfloat16 arithmetic is done in hardware there.</summary>
    public static bool HasBFloat16(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.type == DeviceType.CUDA || CpuFeatures.HasAvx512Bf16 || CpuFeatures.HasAmxBf16;
    }
}
