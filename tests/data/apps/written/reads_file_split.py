import fal


def get_requirements():
    with open("more/short.txt") as file:
        return file.read().split()


@fal.function(requirements=get_requirements(), machine_type="GPU-A6000", serve=True)
def run():
    pass
#: requirements = ["einops", "timm==1.0"]
#: lines = [1, 2]
#: files = ["more/short.txt", "more/short.txt"]
#: machine_type = ["GPU-A6000"]
