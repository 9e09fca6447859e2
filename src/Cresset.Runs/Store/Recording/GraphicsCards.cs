using System.Globalization;
using System.Runtime.InteropServices;

namespace Cresset.Runs;

/// <summary>
/// How busy and how full the graphics cards of this machine are, as NVIDIA's management library says it: part of the driver, loaded by
/// name, so that machines without cards need and load nothing.
/// </summary>
internal sealed unsafe class GraphicsCards : IDisposable
{
    private const int Most = 64;
    private static readonly string[] Names = OperatingSystem.IsWindows() ? ["nvml.dll"] : ["libnvidia-ml.so.1"];
    private readonly nint _library;
    private readonly delegate* unmanaged[Cdecl]<int> _shutdown;
    private readonly delegate* unmanaged[Cdecl]<nint, Utilization*, int> _utilization;
    private readonly delegate* unmanaged[Cdecl]<nint, MemoryUse*, int> _memory;
    private readonly List<(int Index, nint Handle)> _cards = [];

    private GraphicsCards(nint library)
    {
        _library = library;
        var initialise = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
        var count = (delegate* unmanaged[Cdecl]<int*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetCount_v2");
        var handle = (delegate* unmanaged[Cdecl]<int, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByIndex_v2");
        _shutdown = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "nvmlShutdown");
        _utilization = (delegate* unmanaged[Cdecl]<nint, Utilization*, int>)NativeLibrary.GetExport(library,
            "nvmlDeviceGetUtilizationRates");
        _memory = (delegate* unmanaged[Cdecl]<nint, MemoryUse*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetMemoryInfo");
        if (initialise() != 0) return;
        int found;
        if (count(&found) != 0) return;
        for (var i = 0; i < Math.Min(found, Most); i++)
        {
            nint card;
            if (handle(i, &card) == 0) _cards.Add((i, card));
        }
    }

    /// <summary>The cards that this process may use; null where there are none, or no driver that tells of them.</summary>
    /// <param name="named">The library, for tests; null for the driver's.</param>
    /// <param name="visible">What <c>CUDA_VISIBLE_DEVICES</c> says; null for all.</param>
    public static GraphicsCards? Find(string? named = null, string? visible = null)
    {
        foreach (var name in named is null ? Names : [named])
        {
            if (!NativeLibrary.TryLoad(name, out var library)) continue;
            try
            {
                var cards = new GraphicsCards(library);
                cards.KeepVisible(visible);
                if (cards._cards.Count > 0) return cards;
                cards.Dispose();
            }
            catch (EntryPointNotFoundException)
            {
                // Another library of this name, or a driver too old to ask.
                NativeLibrary.Free(library);
            }
        }
        return null;
    }

    /// <summary>
    /// <c>system/gpu0_percent</c>: share of the last moments in which the card computed; <c>system/gpu0_memory_mb</c>: what is taken of its
    /// memory, by whomever. What a card does not tell is left out.
    /// </summary>
    public IReadOnlyList<(string Tag, double Value)> Take()
    {
        var figures = new List<(string Tag, double Value)>(2 * _cards.Count);
        foreach (var (index, card) in _cards)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"system/gpu{index}");
            Utilization busy;
            if (_utilization(card, &busy) == 0) figures.Add(($"{name}_percent", busy.Computing));
            MemoryUse memory;
            if (_memory(card, &memory) == 0) figures.Add(($"{name}_memory_mb", memory.Used / 1e6));
        }
        return figures;
    }

    public void Dispose()
    {
        _ = _shutdown();
        NativeLibrary.Free(_library);
    }

    // Numbers are the driver's own where CUDA_DEVICE_ORDER says so or all cards are alike; names (GPU-..., MIG-...) leave all in view.
    private void KeepVisible(string? visible)
    {
        if (visible is null) return;
        var numbers = new HashSet<int>();
        foreach (var word in visible.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return;
            // CUDA stops at the first number that is none of its cards.
            if (number < 0) break;
            numbers.Add(number);
        }
        _cards.RemoveAll(card => !numbers.Contains(card.Index));
    }

    private struct Utilization
    {
        public uint Computing;
        public uint Copying;
    }

    private struct MemoryUse
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }
}
