"""Git repositories: which commit a revision is, and the source tree of a commit, through the `git` command."""

from resolver.fetch.git.repositories import FoundCommit, GitRepositories, SourceTree

__all__ = ["FoundCommit", "GitRepositories", "SourceTree"]
