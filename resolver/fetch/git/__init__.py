"""Git repositories: which commit a revision is, and the source tree of a commit, through the `git` command."""
