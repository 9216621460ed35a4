import fal
import settings_of_acme


class Chat(fal.App, **settings_of_acme.OPTIONS):
    requirements = ["torch"]
#: error = "written.py:5: `requirements` is not understood: `settings_of_acme.OPTIONS`"
