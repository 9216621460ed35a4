"""Programs that compare `lock` with pip and uv: in their answers and in their speed."""
