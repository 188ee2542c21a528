"""One image moved onto another: SPECT/CT, PET/CT or the SPECT alone onto the planning CT, around the liver."""

from .moving import Applied, apply
from .quality import check_registration
from .registering import register
from .result import Guide, Kind, Registration, Start, dice_of, directions, fingerprint, is_rigid

__all__ = [
    "Applied",
    "Guide",
    "Kind",
    "Registration",
    "Start",
    "apply",
    "check_registration",
    "dice_of",
    "directions",
    "fingerprint",
    "is_rigid",
    "register",
]
