import fal


class Chat(fal.App):
    requirements = ["a"]


if __name__ == "__main__":
    Chat.requirements.append("b")
    Chat.spawn()
#: requirements = ["a"]
