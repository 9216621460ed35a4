from {{ cookiecutter.slug }}.env import get_requirements
import fal


class {{ cookiecutter.name }}(fal.App):
    machine_type = "{{ cookiecutter.machine_type }}"
    requirements = get_requirements()
