from __future__ import annotations

from tests.requirements.lists import report


def test_all_faults_of_a_list_come_in_one_report_in_list_order() -> None:
    assert report(["numpy==1", "", "# torch", "numpy==2", "-U", "--index-url"]) == (
        "requirements[1]: an empty item\n"
        "  because an installer refuses an empty argument\n"
        "  try: remove it\n"
        "requirements[2]: a comment as an item\n"
        "  because items are arguments, which know no comments\n"
        "  try: remove it\n"
        "requirements[3]: `numpy==2` contradicts `numpy==1` at requirements[0]\n"
        "  because no file of the project can be both\n"
        "  try: keep one of the two\n"
        "requirements[4]: `-U` is no flag that a list may hold\n"
        "  try: leave it out; `lock --upgrade` upgrades the pins of an old lock\n"
        "requirements[5]: `--index-url` has no value\n"
        "  try: write `--index-url=URL`"
    )
