"""What is asked of git, of real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError, ExternalError
from mainline.runtime import git


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, name: str) -> str:
    (root / name).write_text(name)
    run(root, "add", "--all")
    run(root, "commit", "--quiet", "--message", name)
    return run(root, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    run(root, "init", "--quiet", "--initial-branch=main")
    run(root, "config", "user.name", "A tester")
    run(root, "config", "user.email", "tester@example.org")
    commit(root, "first")
    return root


def remote(root: Path, at: str) -> None:
    run(root, "update-ref", "refs/remotes/origin/main", at)


def test_a_name_that_begins_like_an_option_is_no_option(repo: Path) -> None:
    assert git.commit_of(repo, "--all") is None
    assert git.commit_of(repo, "main") == run(repo, "rev-parse", "main")


def test_a_tag_stands_for_its_commit_and_a_file_for_none(repo: Path) -> None:
    run(repo, "tag", "--annotate", "v1", "--message", "One")
    assert git.commit_of(repo, "v1") == run(repo, "rev-parse", "main")
    assert git.commit_of(repo, "main:first") is None


def test_the_tip_is_the_newer_of_the_local_and_the_remote_branch(repo: Path) -> None:
    old = run(repo, "rev-parse", "main")
    new = commit(repo, "second")
    remote(repo, old)
    assert git.tip(repo, "main") == new, "the local one is ahead"
    remote(repo, new)
    run(repo, "reset", "--quiet", "--hard", old)
    assert git.tip(repo, "main") == new, "the local one is behind"


def test_of_two_branches_that_went_apart_the_local_one_is_taken(repo: Path) -> None:
    first = run(repo, "rev-parse", "main")
    remote(repo, commit(repo, "theirs"))
    run(repo, "reset", "--quiet", "--hard", first)
    ours = commit(repo, "ours")
    assert git.tip(repo, "main") == ours


def test_a_branch_that_only_the_remote_has_is_found_and_another_is_not(repo: Path) -> None:
    remote(repo, head := run(repo, "rev-parse", "HEAD"))
    run(repo, "switch", "--quiet", "--create", "work")
    run(repo, "branch", "--quiet", "-D", "main")
    assert git.tip(repo, "main") == head
    assert git.tip(repo, "release") is None


def test_a_folder_inside_a_checkout_is_not_its_top(repo: Path) -> None:
    (repo / "below").mkdir()
    assert git.is_top(repo)
    assert not git.is_top(repo / "below")


def test_a_machine_without_git_is_a_folder_without_git(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git.commit_of(repo, "main") is None
    assert not git.is_top(repo)


def test_a_tree_is_clean_until_a_file_differs_that_git_does_not_ignore(repo: Path) -> None:
    (repo / ".gitignore").write_text("*.log\n")
    commit(repo, "second")
    (repo / "a.log").write_text("")
    assert git.is_clean(repo)
    (repo / "new").write_text("")
    assert not git.is_clean(repo)


def test_changed_files_are_the_edited_the_new_and_the_committed_below_a_path(repo: Path) -> None:
    base = run(repo, "rev-parse", "HEAD")
    (repo / "src").mkdir()
    commit(repo, "src/committed ä")
    (repo / "first").write_text("edited")
    (repo / "src" / "new").write_text("")
    assert git.changed_files(repo, base) == ["first", "src/committed ä", "src/new"]
    assert git.changed_files(repo, base, "src") == ["src/committed ä", "src/new"]


def test_a_work_tree_holds_the_commit_and_is_gone_afterwards(repo: Path, tmp_path: Path) -> None:
    first = run(repo, "rev-parse", "HEAD")
    commit(repo, "second")
    with git.worktree(repo, first, tmp_path / "trees" / first) as tree:
        assert sorted(path.name for path in tree.iterdir()) == [".git", "first"]
    assert not tree.exists()
    assert run(repo, "worktree", "list").count("\n") == 0


def test_a_work_tree_that_a_killed_run_left_locked_is_replaced(repo: Path, tmp_path: Path) -> None:
    head, folder = run(repo, "rev-parse", "HEAD"), tmp_path / "tree"
    run(repo, "worktree", "add", "--quiet", "--detach", "--lock", str(folder), head)
    (folder / "half").write_text("")
    with git.worktree(repo, head, folder) as tree:
        assert not (tree / "half").exists()
    assert run(repo, "worktree", "list").count("\n") == 0


def test_a_work_tree_that_a_killed_run_left_in_pieces_is_replaced(repo: Path, tmp_path: Path) -> None:
    head, folder = run(repo, "rev-parse", "HEAD"), tmp_path / "tree"
    run(repo, "worktree", "add", "--quiet", "--detach", str(folder), head)
    (folder / ".git").unlink()
    with git.worktree(repo, head, folder) as tree:
        assert (tree / ".git").exists()
    assert run(repo, "worktree", "list").count("\n") == 0


def test_other_work_trees_stay_known_where_their_folders_cannot_be_seen(repo: Path, tmp_path: Path) -> None:
    head, other = run(repo, "rev-parse", "HEAD"), tmp_path / "other"
    run(repo, "worktree", "add", "--quiet", "--detach", str(other), head)
    other.rename(tmp_path / "away")
    with git.worktree(repo, head, tmp_path / "tree"):
        pass
    (tmp_path / "away").rename(other)
    assert run(other, "rev-parse", "HEAD") == head


def test_hooks_of_the_repository_are_not_run_in_a_work_tree(repo: Path, tmp_path: Path) -> None:
    hook = repo / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    with git.worktree(repo, run(repo, "rev-parse", "HEAD"), tmp_path / "tree") as tree:
        assert not (tree / "hooked").exists()


def test_a_commit_that_cannot_be_checked_out_is_said_and_leaves_nothing(repo: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(ExternalError, match="could not create a work tree for aaaaaaaaaa"),
        git.worktree(repo, "a" * 40, tmp_path / "tree"),
    ):
        pass
    assert not (tmp_path / "tree").exists()
    assert run(repo, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    ("local", "remote_names", "head", "expected"),
    [
        (["work", "main"], [], None, "main"),
        (["master", "work"], [], None, "master"),
        (["trunk"], [], None, "trunk"),
        (["work"], ["trunk", "main", "work"], "trunk", "trunk"),
        (["work"], ["main", "work"], None, "main"),
        ([], ["trunk"], None, "trunk"),
    ],
)
def test_the_default_branch_is_the_remotes_else_main_master_or_the_only_one(
    repo: Path, local: list[str], remote_names: list[str], head: str | None, expected: str
) -> None:
    run(repo, "switch", "--quiet", "--detach")
    run(repo, "branch", "--delete", "--force", "main")
    for name in local:
        run(repo, "branch", name)
    for name in remote_names:
        run(repo, "update-ref", f"refs/remotes/origin/{name}", "HEAD")
    if head:
        run(repo, "symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{head}")
    assert git.default_branch(repo) == expected


def test_where_several_branches_could_be_the_default_they_are_named(repo: Path) -> None:
    run(repo, "branch", "--move", "main", "one")
    run(repo, "branch", "two")
    with pytest.raises(ConfigurationError, match=r"make run BASE=one \(there are one, two\)"):
        git.default_branch(repo)


@pytest.mark.parametrize("default", ["main", "trunk"])
def test_the_only_branch_of_a_clone_is_no_default_unless_the_remote_says_so(
    repo: Path, tmp_path: Path, default: str
) -> None:
    run(repo, "branch", "--move", default)
    run(repo, "branch", "work")
    for name in ("work", default):
        folder = tmp_path / name
        options = ["--depth=1", f"--branch={name}"]
        subprocess.run(["git", "clone", "--quiet", *options, repo.as_uri(), folder], check=True)
        assert git.default_branch(folder) == default
    run(tmp_path / "work", "remote", "set-url", "origin", str(tmp_path / "gone"))
    assert git.default_branch(tmp_path / "work") is None
