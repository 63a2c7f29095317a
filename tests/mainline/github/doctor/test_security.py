from __future__ import annotations

from mainline.github.comment.cml_program import DIGEST, VERSION
from mainline.github.doctor import security
from tests.mainline.github.doctor.forks import Fork


def test_the_dependency_graph_of_a_new_repository_is_turned_on(fork: Fork) -> None:
    found = security.graph(fork.target)
    assert (found.state, found.text) == ("off", "off: security.yml does not review new dependencies")
    assert found.turn_on is not None
    found.turn_on()
    assert security.graph(fork.target).state == "on"


def test_the_switches_are_turned_on(fork: Fork) -> None:
    for check in (security.reporting, security.alerts, security.secrets):
        found = check(fork.target)
        assert found.state == "off"
        assert found.turn_on is not None
        found.turn_on()
        assert check(fork.target).state == "on"


def test_what_a_private_repository_would_have_to_buy_is_not_turned_on(fork: Fork) -> None:
    fork.repository.private = True
    assert security.secrets(fork.target).turn_on is None
    assert security.reporting(fork.target).state == "on"


def test_the_doctor_says_which_cml_posts_comments(fork: Fork) -> None:
    found = security.cml(fork.target)
    assert (found.state, VERSION in found.text, "from its source" in found.text) == ("on", True, True)
    fork.repository.variables[DIGEST] = "0" * 64
    found = security.cml(fork.target)
    assert (found.state, DIGEST in found.text) == ("on", True)
