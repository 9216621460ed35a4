import fal

from {{ cookiecutter.slug }}.env import get_requirements


@fal.function(
    requirements=get_requirements(),
    machine_type="{{ cookiecutter.machine_type }}",
    keep_alive={{ cookiecutter.keep_alive }},
    python_version="3.10",
)
def {{ cookiecutter.function }}(prompt: str) -> str:
    return prompt
