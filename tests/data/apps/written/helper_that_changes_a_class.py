import fal


def configure(app, *more):
    app.requirements = [*app.requirements, *more]


class Chat(fal.App):
    requirements = ["a"]


configure(Chat, "b")
#: requirements = ["a", "b"]
