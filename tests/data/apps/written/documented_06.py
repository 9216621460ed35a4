import fal


class Example(fal.App):
    requirements = [
        "git+https://YOUR_TOKEN@github.com/your-org/private-repo.git",
    ]
#: requirements = ["git+https://YOUR_TOKEN@github.com/your-org/private-repo.git"]
