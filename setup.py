"""Put conf/ into the wheel, as genre/conf; everything else is in pyproject.toml."""

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConf(build_py):
    """Build the package with the configuration files, which an editable install reads where they are."""

    def run(self) -> None:
        """Build."""
        super().run()
        if not self.editable_mode:
            self.copy_tree("conf", f"{self.build_lib}/genre/conf")


setup(cmdclass={"build_py": BuildWithConf})
