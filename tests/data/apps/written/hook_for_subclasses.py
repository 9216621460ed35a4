import fal


class Base(fal.App):
    requirements = ["a"]

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        cls.requirements = [*cls.requirements, "b"]


class Chat(Base):
    pass
#: app = "Chat"
#: error = """written.py:7: `requirements` is not understood: `def __init_subclass__`
#:   because it can change every class that derives from this one"""
