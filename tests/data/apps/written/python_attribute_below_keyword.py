import fal


class Base(fal.App, python_version="3.10"):
    pass


class Chat(Base):
    python_version = "3.12"
    requirements = ["torch"]
#: requirements = ["torch"]
#: python = "3.12"
