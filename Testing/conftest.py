"""Tests compute with what they state themselves: a profile of the site that this computer may have is not used."""

from __future__ import annotations

import os

os.environ["Y90_SITE_PROFILE"] = ""
