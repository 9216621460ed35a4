import os

import fal

TOKEN = os.environ["GITHUB_TOKEN"]


class Chat(fal.App):
    requirements = [
        f"git+https://{TOKEN}@github.com/acme/private.git@v1.0",
        "git+https://" + os.getenv("OTHER_TOKEN", "literal-default") + "@github.com/acme/other.git",
        "--extra-index-url",
        os.environ.get("PRIVATE_INDEX"),
        "--find-links=" + os.environ["LINKS"],
        "tool @ https://files.example/tool-1.0-py3-none-any.whl?token={}".format("x"),
    ]
#: requirements = ["git+https://${GITHUB_TOKEN}@github.com/acme/private.git@v1.0", "git+https://${OTHER_TOKEN}@github.com/acme/other.git", "--extra-index-url", "${PRIVATE_INDEX}", "--find-links=${LINKS}", "tool @ https://files.example/tool-1.0-py3-none-any.whl?token=x"]
#: warnings = ["written.py:11: the default of `OTHER_TOKEN` is not used, but the text in the URL `${OTHER_TOKEN}`"]
