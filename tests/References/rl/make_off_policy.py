"""V-trace, Retrace, n-step sums and hindsight from their definitions: forward sums over whole stretches, in double precision."""
import json
import os
import random


def vtrace(s, gamma, lam, rho_limit, trace_limit):
    """Espeholt et al. 2018, equation 1, and the advantage of section 4.2; a product of traces never passes an end."""
    count = len(s["rewards"])
    rho = [min(rho_limit, r) for r in s["ratios"]]
    trace = [lam * min(trace_limit, r) for r in s["ratios"]]
    next_value = [0 if s["terminated"][t] else s["next_values"][t] for t in range(count)]
    delta = [rho[t] * (s["rewards"][t] + gamma * next_value[t] - s["values"][t]) for t in range(count)]
    targets = []
    for t in range(count):
        total, product = 0.0, 1.0
        for k in range(t, count):
            total += gamma ** (k - t) * product * delta[k]
            if s["terminated"][k] or s["truncated"][k]:
                break
            product *= trace[k]
        targets.append(s["values"][t] + total)
    advantages = []
    for t in range(count):
        goes_on = not (s["terminated"][t] or s["truncated"][t]) and t + 1 < count
        # The state that a step led to is the one that the next began in, but for rounding of the given values: take the correction of the next.
        after = next_value[t] + (targets[t + 1] - s["values"][t + 1] if goes_on else 0)
        advantages.append(rho[t] * (s["rewards"][t] + gamma * after - s["values"][t]))
    return {"targets": targets, "advantages": advantages}


def retrace(s, gamma, lam):
    """Munos et al. 2016, equations 3 and 4."""
    count = len(s["rewards"])
    targets = []
    for t in range(count):
        total, product = 0.0, 1.0
        for k in range(t, count):
            if k > t:
                product *= lam * min(1.0, s["ratios"][k])
            next_value = 0 if s["terminated"][k] else s["next_values"][k]
            total += gamma ** (k - t) * product * (s["rewards"][k] + gamma * next_value - s["values"][k])
            if s["terminated"][k] or s["truncated"][k]:
                break
        targets.append(s["values"][t] + total)
    return targets


def n_step(s, gamma, n):
    """Sutton and Barto, equation 7.1."""
    count = len(s["rewards"])
    sums = []
    for t in range(count):
        total, k = 0.0, t
        while True:
            total += gamma ** (k - t) * s["rewards"][k]
            if s["terminated"][k] or s["truncated"][k] or k == count - 1 or k == t + n - 1:
                break
            k += 1
        sums.append(total + (0 if s["terminated"][k] else gamma ** (k - t + 1) * s["next_values"][k]))
    return sums


def hindsight(achieved, wanted, terminated, others, gamma):
    """Every transition of an episode under every goal that hindsight may give it, with its chance: Andrychowicz et al. 2017, strategy "future"."""
    count, rows = len(wanted), []
    for t in range(count):
        def row(goal, chance):
            there = achieved[t + 1] == goal
            anyway = terminated[t] and achieved[t + 1] != wanted[t]
            return {"step": t, "goal": goal, "reward": 0 if there else -1, "discount": 0 if there or anyway else gamma, "chance": chance}
        rows.append(row(wanted[t], 1 / count / (others + 1)))
        for later in range(t, count):
            rows.append(row(achieved[later + 1], others / count / (others + 1) / (count - t)))
    merged = {}
    for r in rows:
        key = (r["step"], tuple(r["goal"]))
        merged[key] = {**r, "chance": r["chance"] + (merged[key]["chance"] if key in merged else 0)}
    return list(merged.values())


rng = random.Random(7)
cases = []
for gamma, lam, rho_limit, trace_limit, n in [(0.9, 1.0, 1.0, 1.0, 3), (0.99, 0.7, 2.0, 1.0, 1), (1.0, 0.95, 1.5, 0.8, 20), (0.0, 1.0, 1.0, 1.0, 2)]:
    count = 12
    values = [rng.uniform(-2, 2) for _ in range(count + 1)]
    stretch = {
        "ratios": [rng.choice([0.0, 0.3, 1.0, rng.uniform(0, 3)]) for _ in range(count)],
        "rewards": [rng.uniform(-1, 1) for _ in range(count)],
        "values": values[:count],
        "next_values": values[1:],
        "terminated": [t == 4 for t in range(count)],
        "truncated": [t == 8 for t in range(count)],
    }
    cases.append({"gamma": gamma, "lambda": lam, "rho_limit": rho_limit, "trace_limit": trace_limit, "steps": n, **stretch,
                  "vtrace": vtrace(stretch, gamma, lam, rho_limit, trace_limit), "retrace": retrace(stretch, gamma, lam), "n_step": n_step(stretch, gamma, n)})
states = [[0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 0, 1], [0, 0, 1]]
episode = {"achieved": states, "wanted": [[0, 1, 0]] * 4, "terminated": [False, False, False, True], "others": 4, "gamma": 0.9}
values = {"cases": cases, "hindsight": {**episode, "rows": hindsight(**episode)}}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "off_policy.json"), "w") as file:
    json.dump(values, file, indent=1)
