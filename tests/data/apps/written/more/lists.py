def extra(version):
    return [f"extra=={version}"]
