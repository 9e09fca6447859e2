"""The table of rl-table.sh out of what its sweeps wrote: NAME.json in a folder, one line of the table on the standard input each."""
import json
import os
import sys


def band(figure):
    middle = figure.get("middle")
    if middle is None:
        return f"{figure['mean']:.1f}"
    return f"{middle['value']:.1f} [{middle['low']:.1f}, {middle['high']:.1f}]"


print("| world | method | seeds | best policy on 100 new starts: interquartile mean [95 % band] | worst seed | last policy | published (steps) |")
print("| --- | --- | --- | --- | --- | --- | --- |")
for line in sys.stdin:
    world, method, _, _, published = line.rstrip("\n").split("|")
    path = os.path.join(sys.argv[1], f"{world}-{method}.json")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        print(f"| {world} | {method} | 0 of {sys.argv[2]} | not run | | | {published} |")
        continue
    with open(path) as file:
        row = json.load(file)[0]
    figures = row["figures"]
    best, last = figures["best_policy_return"], figures["final_return"]
    count = len(row["runs"])
    seeds = f"{count}" if not row["failures"] else f"{count} of {count + len(row['failures'])}"
    worst = min(best["values"]) if best.get("values") else best["mean"]
    print(f"| {world} | {method} | {seeds} | {band(best)} | {worst:.1f} | {band(last)} | {published} |")
