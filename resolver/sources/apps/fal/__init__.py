"""The platform: its forms of apps, its tables, the packages that it installs itself, and a stand-in to run apps."""
