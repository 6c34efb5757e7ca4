"""Where shaders, assets and the user's own files are, installed or in a checkout."""

from pathlib import Path

import platformdirs

PACKAGE = Path(__file__).parent


def shaders() -> Path:
    """Folder of GLSL files."""
    return _beside("shaders")


def assets() -> Path:
    """Folder of the demo scene and the font."""
    return _beside("assets")


def demo() -> Path:
    """The demo scene."""
    return assets() / "demo.ftgs.ply"


def settings_file() -> Path:
    """JSON of recent files and window settings."""
    return Path(platformdirs.user_config_dir("view4d", appauthor=False)) / "settings.json"


def log_file() -> Path:
    """Log of the last sessions."""
    return Path(platformdirs.user_log_dir("view4d", appauthor=False)) / "view4d.log"


def _beside(name: str) -> Path:
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name
