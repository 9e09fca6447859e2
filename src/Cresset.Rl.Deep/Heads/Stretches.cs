namespace Cresset.Rl.Deep;

/// <summary>Rows that follow each other in time: stretch after stretch, each of the same number of steps.</summary>
/// <param name="Steps">Steps of a stretch.</param>
/// <param name="Begins">Which rows are the first of an episode, so that nothing is remembered there, [rows].</param>
/// <param name="Memory">What was remembered before the first step of each stretch, [stretches, MemorySize].</param>
internal sealed record Stretches(int Steps, bool[] Begins, float[] Memory);
