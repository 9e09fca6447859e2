namespace Cresset.Diffusion;

/// <summary>What happens to a prompt before CLIP's byte-pair encoding.</summary>
public enum ClipTextCleaning
{
    /// <summary>
    /// As openai/CLIP with ftfy: terminal escapes and control characters removed, HTML entities decoded, ligatures, widths, quotes and line
    /// breaks made plain, form C, white space collapsed, lower case. Of ftfy everything is done but the guessing of wrongly decoded text
    /// (mojibake); entities are HTML 4's.
    /// </summary>
    Repair,

    /// <summary>
    /// As transformers without ftfy: control and format characters removed, CJK characters set apart, form C, lower case.
    /// </summary>
    Basic,
}
