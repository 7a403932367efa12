"""The command `doctor`: what works here, what does not, and what to do about it."""

import shutil
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

import click

from .options import as_json, home, print_json

if TYPE_CHECKING:
    from ..doctor import Finding

__all__ = ["COMMANDS"]

_COLORS = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}
_WIDEST = 110


@click.command("doctor")
@home
@as_json
@click.pass_context
def doctor(context: click.Context, home: str | None, as_json: bool) -> None:
    """Examine this installation: libraries, devices, caches, encoder packs; exit code 1 if broken.

    Changes nothing and asks no network.
    """
    from ..doctor import Level, examine

    findings = []
    for finding in examine(home):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        print_json({"findings": [_record(finding) for finding in findings]})
    else:
        click.echo(f"\n{_summary(findings)}")
    if any(finding.level is Level.ERROR for finding in findings):
        context.exit(1)


def _show(finding: "Finding") -> None:
    head = f"{finding.level:<8} {finding.topic:<12} "
    width = max(60, min(shutil.get_terminal_size().columns, _WIDEST))
    lines = textwrap.wrap(finding.text, width - len(head), break_on_hyphens=False)
    if finding.remedy:
        remedy = textwrap.wrap(
            f"→ {finding.remedy}",
            width - len(head),
            subsequent_indent="  ",
            break_on_hyphens=False,
        )
        lines += remedy
    level = click.style(f"{finding.level:<8}", fg=_COLORS[finding.level])
    click.echo(level + head[8:] + lines[0])
    for line in lines[1:]:
        click.echo(" " * len(head) + line)


def _summary(findings: "list[Finding]") -> str:
    counts = Counter(finding.level for finding in findings)
    parts = [
        f"{count} {level}{'s' if count > 1 else ''}"
        for level in ("error", "warning", "note")
        if (count := sum(counts[kind] for kind in counts if kind == level))
    ]
    return ", ".join(parts) or "nothing to complain of"


def _record(finding: "Finding") -> dict[str, str]:
    return {
        "topic": finding.topic,
        "level": str(finding.level),
        "finding": finding.text,
        "remedy": finding.remedy,
    }


COMMANDS = (doctor,)
