"""Samples of each figure for both builds, and the table that they make; "floor" is what sockets
alone cost, "above the floor" the ratio of what each build adds to that."""

import statistics


class Report:
    """figure -> build -> samples; a goal is a ratio to redis ('x') or a limit in the figure's own unit."""

    def __init__(self, builds):
        self.builds = builds
        self.samples = {}
        self.goals = {}

    def declare(self, figure):
        """Gives a figure its place in the table before its first sample."""
        self.samples.setdefault(figure, {})

    def add(self, figure, build, sample, goal=None):
        self.samples.setdefault(figure, {}).setdefault(build, []).append(sample)
        if goal is not None:
            self.goals[figure] = goal

    def median(self, figure, build):
        samples = self.samples[figure].get(build)
        return statistics.median(samples) if samples else None

    def rows(self):
        for figure in self.samples:
            ours, redis = self.median(figure, "redan"), self.median(figure, "redis")
            ratio = ours / redis if ours is not None and redis else None
            floor = self.median(figure, "floor")
            own = (ours - floor) / (redis - floor) if floor and ours is not None and redis and redis > floor else None
            yield figure, redis, ours, ratio, self.goals.get(figure), floor, own

    def markdown(self):
        lines = ["| figure | redis 7.0.15 | redan | ratio | floor | above the floor | goal | |",
                 "|---|--:|--:|--:|--:|--:|--:|---|"]
        for figure, redis, ours, ratio, goal, floor, own in self.rows():
            met = ""
            if goal is not None and ours is not None:
                reached = ratio if goal[-1] == "x" else ours
                met = "" if reached is None else ("met" if reached <= float(goal[:-1] if goal[-1] == "x" else goal)
                                                  else "missed")
            lines.append(f"| {figure} | {number(redis)} | {number(ours)} | {number(ratio)} | "
                         f"{number(floor)} | {number(own)} | {goal or ''} | {met} |")
        return "\n".join(lines)

    def data(self):
        return [{"figure": figure, "redis": redis, "redan": ours, "ratio": ratio, "goal": goal, "floor": floor,
                 "above_floor": own, "samples": self.samples[figure]} for figure, redis, ours, ratio, goal, floor, own in self.rows()]


def number(value):
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
