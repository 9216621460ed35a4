import fal
import requests


def newest():
    return requests.get("https://index.example/newest").json()["version"]


class Chat(fal.App):
    requirements = ["torch", f"acme=={newest()}"]
#: error = """written.py:6: `requirements[1]` is not understood: `requests.get('https://index.example/newest')`
#:   because `requests.get` is not read here"""
