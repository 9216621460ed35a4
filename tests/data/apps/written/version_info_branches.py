from sys import version_info

import fal

REQUIREMENTS = ["numpy"]
if version_info >= (3, 12):
    REQUIREMENTS.append("setuptools")
elif version_info >= (3, 11):
    REQUIREMENTS += ["wheel"]


class Chat(fal.App):
    requirements = REQUIREMENTS
#: requirements = ["numpy", "wheel"]
#: late = true
