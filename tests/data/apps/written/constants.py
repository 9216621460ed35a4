COMMON = ["fastapi", "uvicorn"]
INDEX_FLAGS = ["--find-links", "https://files.example/wheels/"]
