import fal


class Chat(fal.App, requirements=["torch"], name="chat"):
    machine_type = "S"
#: app = "Chat"
#: error = """written.py:4: the platform raises TypeError for class `Chat`
#:   because it takes `requirements` as an attribute, not as a keyword of the class
#:   try: `requirements = …` in the body of the class"""
