import os

import fal

LISTS = {"image": ["pillow"], "text": ["tokenizers"]}


class Chat(fal.App):
    requirements = sum(LISTS.values(), []) + [
        "git+https://%s@%s/acme/private.git" % (os.getenv("GITHUB_TOKEN"), "git.example"),
        "git+https://{}@{host}/acme/other.git".format(os.environ["OTHER_TOKEN"], host="git.example"),
        "--extra-index-url=https://me:%s@index.example/simple/" % os.environ["PRIVATE_TOKEN"],
    ]
#: requirements = ["pillow", "tokenizers", "git+https://${GITHUB_TOKEN}@git.example/acme/private.git", "git+https://${OTHER_TOKEN}@git.example/acme/other.git", "--extra-index-url=https://me:${PRIVATE_TOKEN}@index.example/simple/"]
