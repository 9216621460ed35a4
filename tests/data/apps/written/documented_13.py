import fal


class Example(fal.App):
    requirements = [
        "projects/foo[extra]",
        "projects/bar",
    ]
#: requirements = ["projects/foo[extra]", "projects/bar"]
