from fal import function as remote


def plain():
    return 1


@remote(requirements=["a"])
def work():
    return plain()
#: app = "work"
#: requirements = ["a"]
#: default_machine = "XS"
