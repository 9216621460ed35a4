import fal


class Base(fal.App, num_gpus=2):
    pass


class Chat(Base):
    requirements = ["torch"]
#: error = """written.py:4: the platform raises TypeError for class `Chat`
#:   because it takes `num_gpus` as an attribute, not as a keyword of the class
#:   try: `num_gpus = …` in the body of the class"""
