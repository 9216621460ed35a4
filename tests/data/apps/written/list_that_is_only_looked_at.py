import logging

import fal

COMMON = ["a"]
logging.getLogger(__name__).info("installing %s", ", ".join(COMMON))
image = fal.ContainerImage.from_dockerfile_str("RUN pip install " + " ".join(COMMON))


class Chat(fal.App):
    requirements = COMMON
#: requirements = ["a"]
