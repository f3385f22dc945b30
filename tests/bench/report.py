# SPDX-License-Identifier: GPL-3.0-or-later
"""From samples to the report: medians, ratios, geometric means, the table, JSON and the chart."""
import math
import statistics

from workloads import GOALS, LIMITS, LINE

COLOURS = {"integer": "#4e79a7", "fp": "#f28e2b", "neon": "#e15759", "crypto": "#b07aa1", "programs": "#59a14f",
           "kernel": "#9c755f", "boot": "#edc948", "memory": "#76b7b2", "parallel": "#bab0ac", "x-integer": "#86bcb6",
           "x-fp": "#f1ce63", "x-neon": "#ff9d9a", "x-start": "#d4a6c8", "snapshots": "#79706e", "net": "#d37295",
           "disk": "#a0cbe8", "display": "#8cd17d", "share": "#ffbe7d"}


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def judge(workload, samples, clock):
    """One workload's result. `samples` has lists of samples for the sides "armature", "qemu" and "native", or, where
    the machine is compared with itself, "one" and "two" (CPUs)."""
    result = {"group": workload.group, "errors": []}
    medians = {}
    for side, taken in samples.items():
        if taken:
            which = clock if side in ("armature", "qemu") else "wall"
            medians[side] = statistics.median(getattr(sample, which) for sample in taken)
            result[side] = {"seconds": medians[side], "wall": [sample.wall for sample in taken],
                            "cpu": [sample.cpu for sample in taken]}
    over, under = ("one", "two") if workload.group == "parallel" else ("qemu", "armature")
    if over in medians and under in medians:
        result["ratio"] = medians[over] / medians[under]
    if "armature" in medians and "native" in medians and clock == "wall":
        result["of_native"] = medians["native"] / medians["armature"]
    sums = {side: {sample.checksum for sample in taken} for side, taken in samples.items()
            if taken and (workload.same or side != "native")}
    if len(set().union(*sums.values())) > 1:
        found = ", ".join(f"{side} {' '.join(sorted(each))}" for side, each in sums.items())
        result["errors"].append(f"checksums differ: {found}")
    return result


def summarise(results):
    """The goals with what was reached: [(goal, geometric mean, lines)]; the last is the slowest single line's."""
    summary = []
    for goal in GOALS:
        ratios = [result["ratio"] for result in results.values()
                  if result["group"] in goal.groups and "ratio" in result]
        if ratios:
            summary.append((goal, geomean(ratios), len(ratios)))
    ratios = [result["ratio"] for result in results.values() if "ratio" in result and result["group"] != "parallel"]
    if ratios:
        summary.append((LINE, min(ratios), len(ratios)))
    return summary


def seconds(result, *sides):
    if result["group"] == "snapshots":
        return next((f"{result[side]['seconds']:10.2f}" for side in sides if side in result), f"{'':10}")
    found = next((result[side]["seconds"] for side in sides if side in result), None)
    if found is None:
        return f"{'':10}"
    return f"{found:9.3f}s" if found > 0.01 else f"{found * 1e6:8.3f}us"


HEAD = f"{'':16} {'group':9} {'armature':>10} {'qemu':>10} {'native':>10} {'ratio':>7} {'of native':>9}"


def limit_words(name, reached):
    """The unit of a line that has a limit, and what is said of it."""
    unit, must, aim = LIMITS[name]
    if must is None:
        return unit
    mark = "missed" if reached > must else "enough" if aim is None or reached > aim else "reached"
    return f"{unit}  must {must:g}{f', aim {aim:g}' if aim is not None else ''}: {mark}"


def row(name, result):
    """A line of the table, under HEAD."""
    ratio = f"{result['ratio']:7.2f}" if "ratio" in result else f"{'':7}"
    native = f"{result['of_native']:8.0%}" if "of_native" in result else ""
    if name in LIMITS and "armature" in result:
        native = limit_words(name, result["armature"]["seconds"])
    line = f"{name:16} {result['group']:9} {seconds(result, 'armature', 'two')} {seconds(result, 'qemu', 'one')} " \
           f"{seconds(result, 'native')} {ratio} {native:>9}"
    return "\n".join([line.rstrip()] + [f"    {name}: {error}" for error in result["errors"]])


def goals_table(summary):
    lines = [f"{'geometric mean':26} {'ratio':>7} {'must':>6} {'aim':>6}"]
    for goal, reached, count in summary:
        mark = "reached" if reached >= goal.aim else "enough" if reached >= goal.must else "missed"
        lines.append(f"{goal.title + f' ({count})':26} {reached:7.2f} {goal.must:6.2f} {goal.aim:6.2f}  {mark}")
    return "\n".join(lines)


def as_json(results, summary, about):
    return {"about": about, "workloads": results,
            "limits": {name: LIMITS[name]._asdict() for name in results if name in LIMITS},
            "goals": {goal.title: {"ratio": reached, "must": goal.must, "aim": goal.aim, "lines": count}
                      for goal, reached, count in summary}}


def chart(results, summary, about):
    """The ratios as bars on a logarithmic scale, an SVG image's text."""
    bars = [(name, result["ratio"], COLOURS[result["group"]]) for name, result in results.items() if "ratio" in result]
    means = [(goal.title, reached, goal) for goal, reached, _ in summary]
    left, wide, step = 150, 640, 16
    high = 70 + step * (len(bars) + len(means) + 2)
    low_ratio = min([0.5] + [ratio for _, ratio, _ in bars])
    high_ratio = max([12] + [ratio for _, ratio, _ in bars])

    def x(ratio):
        return left + wide * math.log(ratio / low_ratio) / math.log(high_ratio / low_ratio)

    def text(at_x, at_y, words, anchor="start", extra=""):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        return f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}"{extra}>{words}</text>'

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 70}" height="{high}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>',
             text(left, 18, f"Speed as a multiple of QEMU's ({about}); means with must (red) and aim (green)",
                  extra=' font-size="13"')]
    for mark in (0.1, 0.25, 0.5, 1, 2, 4, 10, 20, 50, 100):
        if low_ratio <= mark <= high_ratio:
            parts.append(f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="36" y2="{high - 12}" '
                         f'stroke="{"black" if mark == 1 else "#ddd"}"/>')
            parts.append(text(x(mark), 32, f"{mark:g}", "middle"))
    y = 44
    for name, ratio, colour in bars + [(title, reached, "#555") for title, reached, _ in means]:
        if colour == "#555" and name == (means[0][0] if means else None):
            y += step
        start, end = sorted((x(1), x(ratio)))
        parts += [text(left - 6, y + 10, name, "end"),
                  f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 0.5):.1f}" height="{step - 4}" '
                  f'fill="{colour}"/>',
                  text(end + 4, y + 10, f"{ratio:.2f}")]
        if colour == "#555":
            goal = next(goal for title, _, goal in means if title == name)
            parts += [f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{y - 2}" y2="{y + step - 2}" stroke="{stroke}" '
                      'stroke-width="2"/>' for mark, stroke in ((goal.must, "#d00"), (goal.aim, "#090"))]
        y += step
    return "\n".join(parts + ["</svg>", ""])
