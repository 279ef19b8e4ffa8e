import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import rnnbench
from rnnbench.cli.main import main
from rnnbench.core import machine
from rnnbench.core.environment import SETTINGS, pin
from tests.frozen import PARAMS_FILE

LOCK = Path(__file__).parents[2] / "requirements.txt"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a process, without variables of the libraries."""
    variables = {"PATH": "/bin", "TF_CPP_MIN_LOG_LEVEL": "0", "TF_VAR_region": "mars"}
    monkeypatch.setattr(os, "environ", variables)
    return variables


def test_inherited_variables_are_replaced_or_removed_and_named(shell: dict[str, str]) -> None:
    before = dict(shell)
    shell |= {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true", "OMP_NUM_THREADS": "8"}
    shell |= {"DNNL_MAX_CPU_ISA": "SSE41", "TF_ENABLE_ONEDNN_OPTS": "0"}
    assert pin() == ["DNNL_MAX_CPU_ISA", "OMP_NUM_THREADS", "XLA_FLAGS"]
    assert shell == before | SETTINGS


def test_a_child_process_has_nothing_to_replace(shell: dict[str, str]) -> None:
    pin()
    assert pin() == []


@pytest.mark.parametrize(("overridden", "lines"), [(["OMP_NUM_THREADS", "XLA_FLAGS"], 1), ([], 0)])
def test_a_command_says_in_one_line_what_it_does_not_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overridden: list[str], lines: int
) -> None:
    (tmp_path / "params.yaml").write_bytes(PARAMS_FILE.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rnnbench, "OVERRIDDEN", overridden)
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 0
    warnings = [line for line in done.stderr.splitlines() if "of the environment" in line]
    assert len(warnings) == lines
    assert all(name in line for name in overridden for line in warnings)


@pytest.fixture
def here() -> machine.Machine:
    pinned = machine.this_machine()
    return pinned.model_copy(update={"instructions": ["avx2", "fma"]})


@pytest.fixture
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "IS_X86", True)
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)


@pytest.mark.usefixtures("_linux")
def test_a_machine_with_the_pinned_versions_makes_the_same_bytes(here: machine.Machine) -> None:
    assert machine.differences(here, LOCK) == []


@pytest.mark.usefixtures("_linux")
def test_what_makes_other_bytes_is_named(
    here: machine.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA")
    versions = here.versions | {"numpy": "1.0"}
    old = here.model_copy(update={"instructions": ["avx"], "versions": versions})
    cpu, tunables, numpy = machine.differences(old, LOCK)
    assert "avx2 and fma" in cpu
    assert "GLIBC_TUNABLES" in tunables
    assert numpy.startswith("numpy is 1.0, and requirements.txt pins ")


def test_other_systems_promise_nothing(
    here: machine.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    assert any("Linux" in reason for reason in machine.differences(here, LOCK))
