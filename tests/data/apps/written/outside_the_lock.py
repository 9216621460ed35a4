import fal
from fal.container import ContainerImage
from fal.toolkit import clone_repository


class Chat(fal.App):
    image = ContainerImage.from_dockerfile("Dockerfile")
    local_python_modules = ["chat_models"]
    requirements = ["einops"]

    def setup(self):
        clone_repository("https://github.com/acme/models.git", commit_hash="0" * 40)
#: requirements = ["einops"]
#: outside = ["written.py:7: what the `image` installs is outside the lock", "written.py:8: `local_python_modules` is outside the lock", "written.py:12: the repository that `clone_repository` fetches is outside the lock"]
