using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Native;

/// <summary>What the processor can do that matters here.</summary>
public static class CpuFeatures
{
    /// <summary>Instruction sets in use, narrowest first.</summary>
    public static IReadOnlyList<string> Names
    {
        get
        {
            var names = new List<string>();
            void Add(bool has, string name)
            {
                if (has) names.Add(name);
            }
            Add(Sse42.IsSupported, "SSE4.2");
            Add(Avx2.IsSupported, "AVX2");
            Add(Fma.IsSupported, "FMA");
            Add(Avx512F.IsSupported, "AVX-512");
            Add(HasAvx512Bf16, "AVX512-BF16");
            Add(HasAmxBf16, "AMX-BF16");
            Add(AdvSimd.IsSupported, "NEON");
            return names;
        }
    }

    /// <summary>bfloat16 dot products in AVX-512 (leaf 7.1, EAX bit 5).</summary>
    public static bool HasAvx512Bf16 => Avx512F.IsSupported && Leaf(7, 1).Eax is var eax && (eax & (1 << 5)) != 0;

    /// <summary>bfloat16 matrix tiles (leaf 7.0, EDX bit 22).</summary>
    public static bool HasAmxBf16 => Avx512F.IsSupported && (Leaf(7, 0).Edx & (1 << 22)) != 0;

    /// <summary>Made by Intel: MKL, which libtorch multiplies matrices with, uses AVX-512 on these only and AVX2 on all others.</summary>
    public static bool IsIntel
    {
        get
        {
            if (!X86Base.IsSupported) return false;
            var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
            // "Genu" "ineI" "ntel".
            return (ebx, edx, ecx) == (0x756e6547, 0x49656e69, 0x6c65746e);
        }
    }

    private static (int Eax, int Edx) Leaf(int function, int sub)
    {
        if (!X86Base.IsSupported) return default;
        // Leaf 7 tells in EAX how many sub-leaves it has; an absent one would answer with the last one's values.
        if (sub > 0 && X86Base.CpuId(7, 0).Eax < sub) return default;
        var (eax, _, _, edx) = X86Base.CpuId(function, sub);
        return (eax, edx);
    }
}
