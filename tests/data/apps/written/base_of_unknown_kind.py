from acme_platform import Worker


class Chat(Worker):
    requirements = ["torch==2.8.0"]
#: requirements = ["torch==2.8.0"]
#: warnings = ["written.py:4: `Chat` derives from `acme_platform.Worker`, which another file defines: what it inherits from there is not read"]
