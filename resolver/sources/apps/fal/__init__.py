"""All that pinfold knows about the platform: its class and function forms, its tables, and what it installs itself."""
