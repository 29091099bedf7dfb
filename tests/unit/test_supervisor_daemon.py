from pathlib import Path

import pytest
from supervisor.daemon import HOLD, HOLD_KILL, Managed
from supervisor.servers import PortBusyError, Server


class FakeServer(Server):
    """A server whose process is three flags."""

    name = "fake"
    ready_timeout = 10.0

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(1, tmp_path / "log")
        self.alive = False
        self.answers = False
        self.busy = False
        self.calls: list[str] = []

    def prepare(self) -> None:
        pass

    def command(self) -> list[str]:
        return []

    def ready(self) -> bool:
        return self.answers

    @property
    def running(self) -> bool:
        return self.alive

    @property
    def pid(self) -> int | None:
        return None

    @property
    def exit_code(self) -> int | None:
        return None if self.alive else -9

    def start(self) -> None:
        self.calls.append("start")
        if self.busy:
            raise PortBusyError(self.port)
        self.alive = True

    def stop(self) -> None:
        self.calls.append("stop")
        self.alive = False

    def kill(self) -> None:
        self.calls.append("kill")
        self.alive = False


class Bench:
    """One managed fake server and its clock."""

    def __init__(self, tmp_path: Path, *, restart: bool = True) -> None:
        self.now = 0.0
        self.control = tmp_path / "control"
        self.server = FakeServer(tmp_path)
        self.managed = Managed(self.server, self.control, restart=restart, clock=lambda: self.now)

    def up(self) -> None:
        self.server.answers = True
        self.step(2)
        assert self.managed.state == "up"

    def step(self, times: int = 1) -> str:
        for _ in range(times):
            self.managed.step()
        return self.managed.state


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_server_is_up_once_it_answers(bench: Bench) -> None:
    assert bench.step() == "starting"
    assert bench.step() == "starting"
    bench.server.answers = True
    assert bench.step() == "up"
    assert bench.server.calls == ["start"]


def test_a_server_that_ends_is_restarted_after_a_growing_delay(bench: Bench) -> None:
    bench.up()
    delays = []
    for _ in range(4):
        bench.server.alive = False
        assert bench.step() == "restarting"
        began = bench.now
        while bench.step() == "restarting":
            bench.now += 0.25
        delays.append(bench.now - began)
    assert delays == [0.25, 0.5, 1.0, 2.0]
    assert bench.managed.restarts == 4


def test_the_delay_is_short_again_after_a_steady_time(bench: Bench) -> None:
    bench.up()
    for _ in range(3):
        bench.server.alive = False
        bench.step()
        bench.now += 60
        bench.step(2)
    assert bench.managed.state == "up"
    bench.now += 60
    bench.step()
    bench.server.alive = False
    bench.step()
    bench.now += 0.25
    assert bench.step() == "starting"


def test_a_server_that_never_came_up_is_not_restarted(bench: Bench) -> None:
    bench.step()
    bench.server.alive = False
    assert bench.step() == "failed"
    bench.now += 1000
    assert bench.step() == "failed"
    assert bench.managed.describe()["error"] == "fake ended with exit code -9"


def test_a_server_that_does_not_answer_in_time_fails(bench: Bench) -> None:
    bench.step()
    bench.now += 10.1
    assert bench.step() == "failed"
    assert bench.server.calls == ["start", "kill"]


def test_a_busy_port_fails_and_is_named(bench: Bench) -> None:
    bench.server.busy = True
    assert bench.step() == "failed"
    assert "port 1 " in bench.managed.error


def test_a_server_not_to_be_restarted_stays_down(tmp_path: Path) -> None:
    bench = Bench(tmp_path, restart=False)
    bench.up()
    bench.server.alive = False
    assert bench.step() == "failed"
    bench.now += 1000
    assert bench.step() == "failed"


@pytest.mark.parametrize(("how", "call"), [(HOLD, "stop"), (HOLD_KILL, "kill")])
def test_a_held_server_is_down_until_released(bench: Bench, how: str, call: str) -> None:
    bench.up()
    bench.control.write_text(how)
    assert bench.step(3) == "held"
    assert bench.server.calls == ["start", call]
    bench.control.unlink()
    assert bench.step(2) == "up"
    assert bench.managed.restarts == 0
