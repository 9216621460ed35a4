import fal

VERSION = "4.51.3"


class Chat(fal.App):
    requirements = ["transformers==%s" % VERSION, "tokenizers=={}".format("0.21"), "a{n}".format(n=1)]
#: requirements = ["transformers==4.51.3", "tokenizers==0.21", "a1"]
