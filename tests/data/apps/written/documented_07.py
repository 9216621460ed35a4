import fal


class Example(fal.App):
    requirements = [
        "git+https://YOUR_TOKEN@github.com/your-org/private-repo.git@v1.0.0",
        "git+https://YOUR_TOKEN@github.com/your-org/private-repo.git@abc123def",
    ]
#: requirements = ["git+https://YOUR_TOKEN@github.com/your-org/private-repo.git@v1.0.0", "git+https://YOUR_TOKEN@github.com/your-org/private-repo.git@abc123def"]
