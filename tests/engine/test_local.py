"""Trainings in processes of this machine, some of which die."""

import shutil
import signal
from pathlib import Path

from tests.engine.helpers import (
    COUNTS,
    log,
    run_study,
    start_study,
    tables,
    trained,
    training_processes,
    wait_for,
)


def test_a_training_whose_process_was_killed_is_repeated(
    project: Path, undisturbed: Path, gate: Path
) -> None:
    for number in range(2):
        (gate / f"once{number}").touch()
    run_study(project, "--jobs", "2", GATE=str(gate))
    assert not list(gate.glob("once*"))
    assert tables(project) == tables(undisturbed)


def test_a_training_that_always_dies_is_reported_and_the_others_are_kept(
    project: Path, gate: Path
) -> None:
    (gate / "3.deadly").touch()
    printed = run_study(project, "--jobs", "2", name="pair", status=1, GATE=str(gate))
    reason = "its process was killed by SIGKILL, probably out of memory, 3 times"
    assert f"failed: pair units 3 replicate 1 (seed 7): {reason}" in printed
    assert "2 of 4 trainings failed; the others are kept" in printed
    assert len(trained(project, "pair")) == 2
    (gate / "3.deadly").unlink()
    assert "2 kept" in run_study(project, "--jobs", "2", name="pair")
    assert len(trained(project, "pair")) == 4


def test_an_ended_command_leaves_no_process_and_the_next_one_trains_the_rest(
    project: Path, undisturbed: Path, gate: Path
) -> None:
    closed = gate / "3.closed"
    closed.touch()
    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        process = start_study(project, "--jobs", "2", GATE=str(gate))
        # Both processes train networks of three units.
        wait_for(lambda: len(trained(project)) == COUNTS["cells"] // 2, log(project))
        wait_for(lambda: len(list(gate.glob("*.here"))) >= 2, log(project))
        assert training_processes(project)
        process.send_signal(number)
        process.wait()
        wait_for(lambda: not training_processes(project))
        for file in gate.glob("*.here"):
            file.unlink()
    closed.unlink()
    printed = run_study(project, "--jobs", "2", GATE=str(gate))
    assert "12 of 12 trained" in printed
    assert len(set(trained(project))) == len(trained(project)) == COUNTS["cells"]
    assert tables(project) == tables(undisturbed)


def test_a_line_that_a_kill_has_cut_off_is_trained_again(undisturbed: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(undisturbed, tmp_path / "project"))
    shutil.rmtree(project / "metrics")
    file = project / ".studies" / "cells.jsonl"
    file.write_bytes(file.read_bytes()[:-100])
    assert "1 of 1 trained" in run_study(project)
    assert tables(project) == tables(undisturbed)
