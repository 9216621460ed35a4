import fal


class Example(fal.App):
    requirements = [
        "mypackage@https://files.example/wheels/mypackage-1.0.0-cp311-cp311-linux_x86_64.whl",
    ]
#: requirements = ["mypackage@https://files.example/wheels/mypackage-1.0.0-cp311-cp311-linux_x86_64.whl"]
